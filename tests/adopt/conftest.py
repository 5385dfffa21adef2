"""A checkout of the program made of this project's own files, and an empty repository beside it."""

import shutil
from pathlib import Path

import git
import pytest

PROJECT = Path(__file__).parent.parent.parent


def commit(repo: git.Repo, message: str = "change") -> str:
    """Everything in the working tree as a commit; its 40 hex digits."""
    repo.git.add(".")
    return repo.index.commit(message).hexsha


def repository(folder: Path, *, origin: str = "") -> git.Repo:
    made = git.Repo.init(folder, initial_branch="main")
    with made.config_writer() as config:
        config.set_value("user", "name", "casey").set_value("user", "email", "casey@example.com")
    if origin:
        made.create_remote("origin", origin)
    return made


@pytest.fixture
def program(tmp_path: Path) -> git.Repo:
    """`acme/infra-agent`, with what this project ships, in one commit."""
    folder = tmp_path / "program"
    for name in (".github", "policies"):
        shutil.copytree(PROJECT / name, folder / name)
    (folder / "bin").mkdir()
    shutil.copy(PROJECT / "bin/infra-agent", folder / "bin/infra-agent")
    made = repository(folder, origin="https://github.com/acme/infra-agent.git")
    commit(made, "first")
    return made


@pytest.fixture
def shop(tmp_path: Path) -> git.Repo:
    """`acme/shop`, without a commit."""
    return repository(tmp_path / "shop", origin="git@github.com:acme/shop.git")
