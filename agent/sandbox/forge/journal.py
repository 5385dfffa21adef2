"""A ref that is about to move in, a note on disk out, by which a killed process's move is brought to its end."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agent.sandbox.forge import git
from agent.sandbox.forge.moved import Move, mark_merged, moved
from agent.sandbox.forge.shapes.repository import full_name
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge


def change_ref(forge: "Forge", repo: Row, actor: Actor, move: Move, *, merging: int | None = None) -> None:
    """Move one ref and everything that hangs on it; with `merging`, that pull request is merged by it.

    git's refs and the database cannot change in one transaction, so a note is on disk while they do. Raises GitError
    when the ref does not stand on `move.old`.
    """
    note = {"repo": full_name(repo), "actor": asdict(actor), "move": asdict(move), "merging": merging}
    path = _write(forge.root / "journal", json.dumps(note))
    with forge.db.write():
        try:
            git.update_ref(forge.git_dir(repo), move.ref, move.new, move.old)
        except git.GitError:
            path.unlink()
            raise
        _follow(forge, repo, actor, move, merging)
        forge.db.after_commit(path.unlink)


def pending(root: Path) -> Iterator[Path]:
    """The notes of moves that a killed process left behind, oldest first."""
    return iter(sorted((root / "journal").glob("*.json")))


def finish(forge: "Forge") -> None:
    """Bring every move that git saw and the database did not to its end, events included; forget the others."""
    for path in pending(forge.root):
        note = json.loads(path.read_text(encoding="utf-8"))
        repo, move, actor = forge.repo_row(note["repo"]), Move(**note["move"]), Actor(**note["actor"])
        stands = git.ref(forge.git_dir(repo), move.ref) or git.ZERO
        merged = note["merging"] is not None and forge.pull_row(repo, note["merging"])["merged_at"] is not None
        if stands == move.new and not merged:
            with forge.db.write():
                _follow(forge, repo, actor, move, note["merging"])
        path.unlink()


def _follow(forge: "Forge", repo: Row, actor: Actor, move: Move, merging: int | None) -> None:
    row = forge.pull_row(repo, merging) if merging is not None else None
    moved(forge, repo, actor, [move], merging=merging)
    if row is not None:
        mark_merged(forge, repo, actor, row, move.new)


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())):06}-{os.urandom(4).hex()}.json"
    scratch = path.with_suffix(".part")
    scratch.write_text(text, encoding="utf-8")
    scratch.rename(path)
    return path
