"""A checkout that somebody else made -> what of it stays as it is, and what people have to know about it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import git

from agent.adopt.install import RESERVED, WORKFLOWS, jobs_of, pinned
from agent.adopt.modules import is_code, roots_and_modules
from agent.adopt.program import repository_of
from agent.errors import ToolError, UserError
from agent.targets.terraform_files import ROOT, unit_of

_APPLIES = re.compile(r"\b(terraform|tofu|terragrunt)\b[^\n]*\bapply\b")
_MANY = 8


def open_target(path: Path) -> git.Repo:
    """The checkout whose root is `path`. Raises UserError for anything else, saying what to do."""
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; name the checkout of your repository with --path")
    try:
        repo = git.Repo(path, search_parent_directories=True)
    except git.InvalidGitRepositoryError as error:
        raise UserError(
            f"{path}: not a git checkout. infra-agent works on a repository on GitHub: clone yours and name it with "
            f"--path, or run `git init` there first"
        ) from error
    if repo.bare or repo.working_tree_dir is None:
        raise UserError(f"{path}: a bare repository has no files; clone it and name the clone with --path")
    root = Path(repo.working_tree_dir)
    if root.resolve() != path.resolve():
        raise UserError(f"{path}: is inside the checkout {root}; name that one with --path")
    if (root / "bin/infra-agent").exists() and (root / "agent/__main__.py").exists():
        raise UserError(
            f"{path}: is a checkout of infra-agent itself, whose workflows run it from where they stand; name the "
            "checkout of your own repository with --path"
        )
    return repo


def tracked(repo: git.Repo) -> tuple[str, ...]:
    """Paths that git tracks or would track, sorted."""
    listed = repo.git.ls_files("-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    return tuple(sorted(path for path in listed.split("\0") if path))


def name_of(repo: git.Repo) -> str:
    """OWNER/NAME of the repository on GitHub, or empty."""
    return repository_of(repo)


def taken(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Those of our workflow files whose name a workflow of the repository's own has."""
    found = []
    for path in paths:
        place = root / path
        if path.startswith(WORKFLOWS) and place.is_file() and pinned(_text(place)) is None:
            found.append(path)
    return tuple(found)


def in_the_way(paths: Iterable[str]) -> tuple[str, ...]:
    """The repository's own files at the places where the jobs put theirs."""
    return tuple(path for path in paths if path.split("/")[0] in RESERVED)


def notes(root: Path, paths: Iterable[str], ours: Iterable[str], environments: Iterable[str]) -> Iterator[str]:
    """What people should know about the rest of the repository, a paragraph each. `paths` are all, `ours` those that
    `init` writes.
    """
    rest = sorted(set(paths) - set(ours))
    workflows = [path for path in rest if path.startswith(WORKFLOWS) and path.endswith((".yml", ".yaml"))]
    if workflows:
        yield f"Workflows of your own are kept as they are: {_list(workflows)}."
    if appliers := [path for path in workflows if _APPLIES.search(_scripts(_text(root / path)))]:
        yield (
            f"{_list(appliers)} runs `apply` itself. Make sure that it leaves out {ROOT}/: what two pipelines apply, "
            "the seal of one does not hold for the other."
        )
    code = {path: _text(root / path) for path in rest if is_code(path)}
    roots, modules = (
        [one for one in found if not f"{one}/".startswith(f"{ROOT}/")] for found in roots_and_modules(code)
    )
    if roots:
        known = ", ".join(environments)
        yield (
            f"Terraform outside {ROOT}/ is kept and left alone: {_list(roots)}. A change may be written below "
            f"{ROOT}/<environment>/<stack>/ only (environments in .github/infra-agent.yml: {known}). To hand a root "
            f"module over, move it in a pull request of its own: `git mv {roots[0]} {ROOT}/<environment>/<stack>`. "
            "With its backend block it keeps its state as it is; relative `source` paths have to be mended."
        )
    if modules:
        yield (
            f"Modules outside {ROOT}/ stay where they are: {_list(modules)}. A unit may use local modules of its "
            f"own folder and of {ROOT}/modules/ only; move there what it needs."
        )
    wrong = {unit.split("/")[2] for path in rest if path.endswith(".tf") and (unit := unit_of(path))}
    if unknown := sorted(wrong - set(environments)):
        yield f"{ROOT}/ has folders of no known environment: {_list(unknown)}. Name them in .github/infra-agent.yml."
    if rego := [path for path in rest if path.startswith("policies/rego/") and path.endswith(".rego")]:
        yield (
            f"Your own {_list(rego)} will run as rules of the pipeline. Each has to bring an example that it must "
            "refuse (docs/policies.md), else the check says that it could not run."
        )


def _scripts(text: str) -> str:
    """What the steps of a workflow run; of a file that is none, all of it: rather a note too many."""
    try:
        steps = [step for job in jobs_of(text).values() for step in job.get("steps", [])]
        return "\n".join(f"{step.get('run', '')}\n{step.get('with', '')}" for step in steps)
    except (ToolError, AttributeError):
        return text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _list(paths: list[str]) -> str:
    more = f" and {len(paths) - _MANY} more" if len(paths) > _MANY else ""
    return ", ".join(paths[:_MANY]) + more
