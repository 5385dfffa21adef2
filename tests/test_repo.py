"""git for real: commits without a checkout, pushes that never overwrite, exports without links."""

from datetime import UTC, datetime
from pathlib import Path

import git
import pytest

from agent import repo as ours
from agent.domain import File
from agent.errors import ToolError, UserError

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def checkout(tmp_path: Path) -> git.Repo:
    """A clone of a bare repository with one commit on main."""
    bare = git.Repo.init(tmp_path / "origin.git", bare=True, initial_branch="main")
    made = git.Repo.init(tmp_path / "work", initial_branch="main")
    with made.config_writer() as config:
        config.set_value("user", "name", "t").set_value("user", "email", "t@example.com")
    (tmp_path / "work/infra").mkdir()
    (tmp_path / "work/infra/a.tf").write_text("a\n")
    made.index.add(["infra/a.tf"])
    made.index.commit("first")
    made.create_remote("origin", str(bare.git_dir)).push("main")
    return made


def remote(checkout: git.Repo) -> ours.Remote:
    return ours.Remote(url=checkout.remotes.origin.url, token="")


def commit(checkout: git.Repo, content: str | None, *, parent: str | None = None, path: str = "infra/b.tf") -> str:
    files = [File(path=path, content=content)]
    return ours.commit_files(checkout, parent or ours.head(checkout), files, message="m", when=WHEN)


def test_a_commit_is_made_without_touching_the_checkout(checkout: git.Repo) -> None:
    before = ours.head(checkout)
    made = commit(checkout, "b\r\n")
    assert ours.read(checkout, made, "infra/b.tf") == b"b\r\n"
    assert ours.changed(checkout, before, made) == ("infra/b.tf",)
    assert ours.head(checkout) == before
    assert not checkout.is_dirty(untracked_files=True)


def test_the_same_files_make_no_second_commit(checkout: git.Repo) -> None:
    once = commit(checkout, "b\n")
    assert commit(checkout, "b\n", parent=once) == once
    assert commit(checkout, "b\n") == once


def test_a_deletion_and_its_repetition(checkout: git.Repo) -> None:
    made = commit(checkout, None, path="infra/a.tf")
    assert ours.read(checkout, made, "infra/a.tf") is None
    assert commit(checkout, None, parent=made, path="infra/a.tf") == made


def test_a_push_needs_the_branch_where_it_was(checkout: git.Repo) -> None:
    first, there = commit(checkout, "1\n"), remote(checkout)
    ours.push(checkout, there, commit=first, branch="agent/1", expected=None)
    ours.push(checkout, there, commit=first, branch="agent/1", expected=None)  # a repeated run
    assert ours.remote_head(checkout, there, "agent/1") == first
    theirs = commit(checkout, "theirs\n", parent=first)
    ours.push(checkout, there, commit=theirs, branch="agent/1", expected=first)
    mine = commit(checkout, "mine\n", parent=first)
    with pytest.raises(ToolError, match="moved while the agent worked"):
        ours.push(checkout, there, commit=mine, branch="agent/1", expected=first)
    assert ours.remote_head(checkout, there, "agent/1") == theirs


def test_an_export_holds_the_folders_asked_for(checkout: git.Repo, tmp_path: Path) -> None:
    made = commit(checkout, "x", path="infra/deep/er/c.tf")
    assert ours.export(checkout, made, ["infra/deep"], into=tmp_path / "out") == ("infra/deep/er/c.tf",)
    assert (tmp_path / "out/infra/deep/er/c.tf").read_text() == "x"
    assert not (tmp_path / "out/infra/a.tf").exists()


@pytest.mark.parametrize("mode", ["120000", "100755", "160000"])
def test_T04_F06_a_link_an_executable_and_a_submodule_are_never_exported(
    checkout: git.Repo, tmp_path: Path, mode: str
) -> None:
    blob = checkout.git.hash_object("-w", "--stdin", istream=(tmp_path / "work/infra/a.tf").open())
    sha = ours.head(checkout) if mode == "160000" else blob
    checkout.git.update_index("--add", "--cacheinfo", f"{mode},{sha},infra/odd")
    made = checkout.index.commit("odd").hexsha
    with pytest.raises(UserError, match=f"infra/odd: mode {mode}"):
        ours.export(checkout, made, ["infra"], into=tmp_path / "out")


def test_a_token_is_in_no_argument_and_no_file(checkout: git.Repo, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as refused:
        ours.remote_head(checkout, ours.Remote(url="http://127.0.0.1:9/x.git", token="canary-token"), "main")
    assert "canary-token" not in str(refused.value) + refused.value.log
    assert "canary-token" not in (tmp_path / "work/.git/config").read_text()


def test_a_fork_point_is_found(checkout: git.Repo) -> None:
    base, there = ours.head(checkout), remote(checkout)
    branch = commit(checkout, "1\n")
    ours.push(checkout, there, commit=branch, branch="agent/1", expected=None)
    moved = commit(checkout, "2\n", path="infra/main.tf")
    ours.push(checkout, there, commit=moved, branch="main", expected=base)
    assert ours.merge_base(checkout, there, moved, branch) == base


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a git checkout"):
        ours.open_repo(tmp_path / "nowhere")
