"""Files into somebody's checkout: all or nothing, and never over anything that is there."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agent.adopt.writing import Item, compare, unified, write_all
from agent.errors import ToolError, UserError

FILES = {"a/b/one.yml": "one\n", "a/two.yml": "two\n", "z.md": "three"}


def tree(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


def run(root: Path, files: Mapping[str, str] = FILES, before: Mapping[str, str] | None = None) -> tuple[str, ...]:
    return write_all(root, compare(root, files, before=before or {}))


def test_what_is_new_is_written_and_a_second_time_nothing(tmp_path: Path) -> None:
    assert run(tmp_path) == ("a/b/one.yml", "a/two.yml", "z.md")
    after = tree(tmp_path)
    assert {path: text.decode() for path, text in after.items() if text is not None} == FILES
    assert run(tmp_path) == ()
    assert tree(tmp_path) == after
    assert all(item.state == "same" and item.diff == "" for item in compare(tmp_path, FILES, before={}))


def test_a_file_with_other_content_is_kept_and_its_difference_shown(tmp_path: Path) -> None:
    (tmp_path / "z.md").write_text("mine\n")
    items = {item.path: item for item in compare(tmp_path, FILES, before={})}
    assert items["z.md"].state == "kept"
    assert "-mine\n+three\n" in items["z.md"].diff
    run(tmp_path)
    assert (tmp_path / "z.md").read_text() == "mine\n"


def test_of_a_file_that_people_changed_only_what_its_template_changed_is_shown(tmp_path: Path) -> None:
    (tmp_path / "z.md").write_text("three, and mine")
    (same,) = compare(tmp_path, {"z.md": "three"}, before={"z.md": "three"})
    assert (same.state, same.diff) == ("kept", "")
    (newer,) = compare(tmp_path, {"z.md": "four\n"}, before={"z.md": "three\n"})
    assert "-three\n+four\n" in newer.diff
    assert "mine" not in newer.diff


def test_a_failure_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    items = compare(tmp_path, FILES, before={})
    (tmp_path / "z.md").write_text("somebody was faster")
    before = tree(tmp_path)
    with pytest.raises(ToolError, match=r"z\.md: cannot be written: File exists; nothing was written"):
        write_all(tmp_path, items)
    assert tree(tmp_path) == before


def test_an_interrupt_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Item]:
        yield from compare(tmp_path, FILES, before={})[:2]
        assert (tmp_path / "a/two.yml").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_all(tmp_path, interrupted())
    assert tree(tmp_path) == {}


def test_links_are_not_followed_and_a_file_is_no_folder(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (root / "a").symlink_to(outside)
    with pytest.raises(UserError, match="a: is a link"):
        run(root)
    (root / "a").unlink()
    (root / "z.md").symlink_to(outside / "gone")
    with pytest.raises(UserError, match=r"z\.md: is a link"):
        run(root)
    (root / "z.md").unlink()
    (root / "a").write_text("a file")
    with pytest.raises(UserError, match="a: has to be a folder"):
        run(root)
    (root / "a").unlink()
    (root / "z.md").mkdir()
    with pytest.raises(UserError, match=r"z\.md: has to be a plain file"):
        run(root)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(("old", "new"), [("a\nb\n", "a\nc\n"), ("a", "a\nb"), ("", "x\n"), ("a\n", "a")])
def test_a_difference_is_one_that_git_applies(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "f").write_text(old)
    (tmp_path / "p").write_text(unified("f", old, new, new=False))
    subprocess.run(["git", "apply", "p"], cwd=tmp_path, check=True, timeout=20)
    assert (tmp_path / "f").read_text() == new
