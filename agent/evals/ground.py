"""Rules, and a folder with standing infrastructure -> a checkout on which requests are answered, and what judges them.

The rules (settings, guardrails, policies, roles) are those of the checkout in which the evals are run; what stands
below infra/ comes with the dataset, so that a score means the same everywhere.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import git

from agent.errors import UserError
from agent.guardrails import Guardrails, load_guardrails
from agent.jobs.parts.workspace import texts
from agent.repo import AUTHOR, EMAIL
from agent.settings import SETTINGS_PATH, Settings, load_settings
from agent.tools import Tools

RULES = (SETTINGS_PATH, ".github/infra-agent", "policies")
STANDING = ("infra", "knowledge")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ground:
    """Where answers are made and judged. `base` is every text below infra/ in `commit` of the checkout `root`.

    `cloud` is the environment that reaches a local cloud; None: nothing is planned. Without `validate` no static check
    of the target runs. `stood` remembers which units stand in that cloud already, or why they cannot.
    """

    root: Path
    commit: str
    base: Mapping[str, str]
    settings: Settings
    guardrails: Guardrails
    tools: Tools
    pythons: Mapping[str, str]
    cloud: Mapping[str, str] | None = None
    validate: bool = True
    stood: dict[str, str] = field(default_factory=dict)


@contextmanager
def ground(
    rules: Path,
    standing: Path,
    *,
    tools: Tools,
    pythons: Mapping[str, str],
    mirror: str = "",
    cloud: Mapping[str, str] | None = None,
    validate: bool = True,
) -> Iterator[Ground]:
    """A new repository with the rules of the checkout `rules` and with what stands in the folder `standing` (there
    need be none). Gone afterwards. Raises UserError: no settings or guardrails in `rules`, or wrong ones.
    """
    with TemporaryDirectory(prefix="infra-agent-eval-") as name:
        root = Path(name)
        for source, parts in ((rules, RULES), (standing, STANDING)):
            for part in parts:
                _copy(source / part, root / part)
        if not (root / SETTINGS_PATH).is_file():
            raise UserError(f"{rules}: has no {SETTINGS_PATH}; run the evals in a checkout that the agent works for")
        settings = load_settings(root)
        if mirror:
            terraform = settings.terraform.model_copy(update={"provider_mirror": mirror})
            settings = settings.model_copy(update={"terraform": terraform})
        commit = _commit(root)
        with git.Repo(root) as repo:
            base = texts(repo, commit, ["infra"])
        yield Ground(
            root=root,
            commit=commit,
            base=base,
            settings=settings,
            guardrails=load_guardrails(root),
            tools=tools,
            pythons=pythons,
            cloud=cloud,
            validate=validate,
        )


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _commit(root: Path) -> str:
    """The same files give the same commit, and with it the same prompts."""
    with git.Repo.init(root, initial_branch="main") as repo:
        repo.index.add([path.relative_to(root).as_posix() for path in _files(root)])
        who = git.Actor(AUTHOR, EMAIL)
        made = repo.index.commit("Standing infrastructure", author=who, committer=who, author_date=WHEN,
                                 commit_date=WHEN)  # fmt: skip
        return made.hexsha


def _files(root: Path) -> list[Path]:
    inside = (path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts)
    return sorted(path for path in inside if path.is_file() or path.is_symlink())
