"""Files to write and a checkout -> what is new, what stands already and what differs; then all of it, or nothing."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.errors import ToolError, UserError

State = Literal["new", "same", "kept"]
_PART = ".infra-agent-part"


@dataclass(frozen=True)
class Item:
    """One file. `kept` is one that stands there with other content, `there`; `before` is what the version that is
    installed had written, None where nobody knows.
    """

    path: str
    state: State
    text: str
    there: str = ""
    before: str | None = None

    @property
    def lines(self) -> int:
        """How long it would be."""
        return len(self.text.splitlines())

    @property
    def edited(self) -> bool:
        """Whether people changed it since it was installed. Where nobody knows what was, other content is theirs."""
        return self.state == "kept" and self.there != self.before

    def patch(self, *, revert: bool) -> str:
        """What brings the file up to date and leaves what people changed in it; with `revert` that goes too. Empty
        where nobody knows what was installed: then everything that differs may be theirs.
        """
        if self.edited and revert:
            return unified(self.path, self.there, self.text, new=False)
        return self.diff if self.state == "kept" and self.before is not None else ""

    @property
    def diff(self) -> str:
        """The unified diff that would bring the file up to date; empty when there is nothing that it lacks.

        A file that people changed is not led back: what changed in its template is shown.
        """
        if self.state == "same":
            return ""
        old = "" if self.state == "new" else self.there if self.before is None else self.before
        return unified(self.path, old, self.text, new=self.state == "new")


def compare(root: Path, files: Mapping[str, str], *, before: Mapping[str, str]) -> tuple[Item, ...]:
    """What each of `files` would meet in `root`. `before` is what the installed version had written, by path.

    Raises UserError for a path that is a link, or has one above it, or something that is no file: it is not followed.
    """
    return tuple(_item(root, path, text, before.get(path)) for path, text in sorted(files.items()))


def write_all(root: Path, items: Iterable[Item]) -> tuple[str, ...]:
    """Write the new ones; returns their paths. Nothing is ever overwritten, and a failure leaves nothing behind.

    Raises ToolError with the path and the reason.
    """
    made: list[Path] = []
    done: list[str] = []
    path = ""
    try:
        for item in items:
            if item.state != "new":
                continue
            path = item.path
            target = root / path
            made += _folders(root, target.parent)
            part = target.with_name(target.name + _PART)
            made.append(part)
            part.write_text(item.text, encoding="utf-8", newline="")
            os.link(part, target)  # unlike a rename, this fails when somebody wrote the file meanwhile
            made.append(target)
            part.unlink()
            done.append(path)
    except BaseException as error:
        for one in reversed(made):
            with suppress(OSError):
                one.rmdir() if one.is_dir() else one.unlink()
        if isinstance(error, OSError):
            raise ToolError(f"{path}: cannot be written: {error.strerror}; nothing was written") from error
        raise
    return tuple(done)


def unified(path: str, old: str, new_text: str, *, new: bool) -> str:
    """A unified diff as `git apply` takes it."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new_text.splitlines(keepends=True),
        "/dev/null" if new else f"a/{path}",
        f"b/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _item(root: Path, path: str, text: str, before: str | None) -> Item:
    place = root
    for part in Path(path).parts:
        place /= part
        last = place == root / path
        if place.is_symlink():
            raise UserError(f"{place.relative_to(root)}: is a link, which is not followed; replace it by what it names")
        if place.exists() and not (place.is_file() if last else place.is_dir()):
            kind = "a plain file" if last else "a folder"
            raise UserError(
                f"{place.relative_to(root)}: has to be {kind}; move what is there away, then run this again"
            )
    target = root / path
    if not target.exists():
        return Item(path, "new", text)
    try:
        there = target.read_bytes().decode()
    except UnicodeDecodeError:
        there = ""  # whatever it is, it is not ours
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return Item(path, "same" if there == text else "kept", text, there, before)


def _folders(root: Path, folder: Path) -> Iterator[Path]:
    """Make what is missing down to `folder`; what was made, outermost first."""
    missing = []
    while folder != root and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir()
        yield one
