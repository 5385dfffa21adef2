"""A checkout of infra-agent -> which commit of which repository it is, and the files that stand in that commit."""

import re
from dataclasses import dataclass
from pathlib import Path

import git

from agent.errors import ToolError, UserError
from agent.repo import blob, entries

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COMMIT = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
# What an installed repository gets from a commit of this one.
SHIPPED = (".github/workflows", ".github/ISSUE_TEMPLATE", ".github/infra-agent.yml", "policies")
OWN = frozenset({".github/workflows/ci.yml"})  # this project's own tests


@dataclass(frozen=True)
class Program:
    """Where the installed workflows get the program: `repository` as OWNER/NAME, `commit` with its 40 hex digits."""

    repository: str
    commit: str


def find_program(checkout: Path, *, ref: str, repository: str) -> Program:
    """The program that `checkout` holds. `ref` names another commit of it, `repository` another OWNER/NAME.

    Raises UserError when either is unknown: without a full commit nothing is pinned.
    """
    repo = _open(checkout)
    name = repository or repository_of(repo)
    if not REPOSITORY.fullmatch(name):
        raise UserError(
            f"{checkout}: nothing says which repository on GitHub this program is from; name it with "
            f"--program OWNER/NAME" + (f" (got {name!r})" if name else "")
        )
    if not ref:
        try:
            dirty = repo.is_dirty(untracked_files=False)
            ref = repo.head.commit.hexsha
        except (git.GitCommandError, ValueError) as error:
            raise UserError(f"{checkout}: no commit to pin; name one with --program-ref") from error
        if dirty:
            raise UserError(
                f"{checkout}: holds changes that no commit has, so there is no commit to pin; commit them, or name one "
                "with --program-ref"
            )
    if not COMMIT.fullmatch(ref):
        raise UserError(f"--program-ref {ref}: must be a full commit of 40 hex digits; a branch or a tag can move")
    if not holds(checkout, ref):
        raise UserError(f"--program-ref {ref}: not in {checkout}; run `git fetch` there, or take a commit that it has")
    return Program(name, ref)


def holds(checkout: Path, commit: str) -> bool:
    """Whether `checkout` has that commit of the program. Raises UserError when it is no checkout."""
    try:
        return bool(COMMIT.fullmatch(commit)) and any(entries(_open(checkout), commit, ["bin/infra-agent"]))
    except ToolError:
        return False


def shipped_files(checkout: Path, commit: str) -> dict[str, str]:
    """Path -> text of what the commit ships to other repositories: workflows, issue form, settings, policies."""
    repo = _open(checkout)
    return {entry.path: blob(repo, entry).decode() for entry in entries(repo, commit, SHIPPED) if entry.path not in OWN}


def repository_of(repo: git.Repo) -> str:
    """OWNER/NAME of the remote `origin`, or empty."""
    for remote in repo.remotes:
        if remote.name == "origin":
            path = re.sub(r"\.git/?$", "", next(iter(remote.urls), "")).rstrip("/")
            found = re.search(r"[:/]([^:/]+/[^:/]+)$", path) if re.match(r"\w+://|[\w.-]+@", path) else None
            return found[1] if found else ""
    return ""


def _open(checkout: Path) -> git.Repo:
    try:
        return git.Repo(checkout)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise UserError(
            f"{checkout}: this infra-agent is no git checkout, so nothing says which commit to pin; clone its "
            "repository and run bin/infra-agent there"
        ) from error
