"""A commit -> what the jobs read off it: texts, units, trusted files, fingerprints."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import git

from agent import gate
from agent.checks.waivers import for_the_gate, load_waivers
from agent.domain import File, Finding
from agent.guardrails import Guardrails
from agent.repo import REGULAR, Remote, blob, changed, entries, export, merge_base, tree
from agent.seal import policy_version
from agent.settings import Settings
from agent.targets.terraform_files import MODULES, ROOT, affected, trusted_of
from agent.targets.terraform_warm import LOCK

# What judges a change: policies, settings and workflows; and the program itself, where it stands in the repository.
# Elsewhere the workflows name the one commit of it that they run.
POLICY_FOLDERS = ("policies", ".github")
PROGRAM_FOLDERS = ("agent", "bin", "requirements", "pyproject.toml")
PROGRAM = "bin/infra-agent"
# What is deployed together where no module is called: a play with its roles, an application.
_HOME = re.compile(r"infra/(?:ansible/[^/]+|kubernetes/[^/]+/[^/]+)/")


def texts(repo: git.Repo, commit: str, folders: Iterable[str]) -> dict[str, str]:
    """Path -> content of the plain UTF-8 files of `commit` below `folders`; what is no text is left out."""
    found = {}
    for entry in entries(repo, commit, folders):
        if entry.mode == REGULAR:
            try:
                found[entry.path] = blob(repo, entry).decode()
            except UnicodeDecodeError:
                continue
    return found


def change_of(repo: git.Repo, remote: Remote, *, base: str, commit: str) -> tuple[File, ...]:
    """What `commit` changed since it left `base`, as data: below infra/, and in what judges it, which the gate refuses.

    Other files of the repository are nobody's business here.
    """
    fork = merge_base(repo, remote, base, commit)
    folders = _judging(repo, fork)
    judged = ("infra/", *(folder if "." in folder[1:] else f"{folder}/" for folder in folders))
    paths = [path for path in changed(repo, fork, commit) if path.startswith(judged)]
    return tuple(File(path=_spelled(path), content=_content(repo, commit, path)) for path in paths)


def _spelled(path: str) -> str:
    """A name that is no UTF-8 is spelled out; the gate refuses it by that."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _content(repo: git.Repo, commit: str, path: str) -> str | None:
    """Text of a file; what is no plain UTF-8 file becomes a NUL, which the gate refuses by name."""
    for entry in entries(repo, commit, [path]):
        try:
            return blob(repo, entry).decode() if entry.mode == REGULAR else "\0"
        except UnicodeDecodeError:
            return "\0"
    return None


def units_of(changed: Iterable[str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The units that a change touches; `after` is every text below infra/terraform once it is made."""
    return affected(changed, after)


def trusted(
    units: Iterable[str], after: Mapping[str, str], *, base: Mapping[str, str], settings: Settings, root: Path
) -> tuple[File, ...]:
    """The files of `units` that only trusted code writes; `after` is `base` with the change made.

    A lock file that a unit has in `base`, the default branch, stays as it is.
    """
    lock_path = root / LOCK
    lock = lock_path.read_text(encoding="utf-8") if lock_path.is_file() else None
    return trusted_of(units, after, base=base, settings=settings, lock=lock)


def lay_out(repo: git.Repo, commit: str, units: Sequence[str], *, into: Path) -> None:
    """Write `units` of `commit`, and the modules that they may use, into `into`: all that a tool will see."""
    export(repo, commit, [*units, MODULES], into=into)


def fingerprints(repo: git.Repo, commit: str, units: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Tree hash by unit (and of the modules), and blob hash by lock file, in `commit`."""
    units = tuple(units)
    trees = {folder: tree(repo, commit, folder) for folder in (*units, MODULES)}
    locks = {f"{unit}/.terraform.lock.hcl": tree(repo, commit, f"{unit}/.terraform.lock.hcl") for unit in units}
    return trees, locks


def policy_of(repo: git.Repo, commit: str) -> str:
    """Version of the policy that stands in `commit`: of all that judges a change, the program included."""
    folders = _judging(repo, commit)
    return policy_version({entry.path: entry.sha.encode() for entry in entries(repo, commit, folders)})


def _judging(repo: git.Repo, commit: str) -> tuple[str, ...]:
    """The folders that judge a change in the repository of `commit`."""
    return (*POLICY_FOLDERS, *PROGRAM_FOLDERS) if tree(repo, commit, PROGRAM) else POLICY_FOLDERS


def refusals(
    files: Sequence[File],
    *,
    guardrails: Guardrails,
    base: Mapping[str, str],
    ours: Iterable[File],
    root: Path,
    today: date,
) -> tuple[Finding, ...]:
    """What the gate has against `files`, with the waivers of the default branch and our own files let through."""
    return gate.examine(
        files,
        guardrails=guardrails,
        base=base,
        trusted={file.path: file.content or "" for file in ours},
        waived=for_the_gate(load_waivers(root), today=today),
    )


def infrastructure(repo: git.Repo, commit: str, beside: Iterable[str] = ()) -> dict[str, str]:
    """Every text below infra/terraform in `commit`, and those of the plays and applications that hold `beside`.

    `beside` are paths of files or units: what a change touches of a chart, a kustomization or a play is judged as a
    whole, and the hundreds of others are not read for it.
    """
    homes = {found.group() for path in beside if (found := _HOME.match(f"{path}/"))}
    return texts(repo, commit, [ROOT, *sorted(homes)])
