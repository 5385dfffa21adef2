"""Files in, an immutable named zip out, and back; the index is in the forge's database."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from glob import glob, has_magic
from pathlib import Path

from agent.sandbox.forge.store import Row, Store
from agent.sandbox.runner.commands import StepFailed
from agent.sandbox.runner.records import moment

SCHEMA = """
CREATE TABLE IF NOT EXISTS runner_artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo TEXT NOT NULL, run_id INTEGER NOT NULL, job_id INTEGER NOT NULL,
  name TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
  path TEXT NOT NULL, UNIQUE (run_id, name)
);
"""
_FORBIDDEN = '":<>|*?\r\n\\/'


@dataclass(frozen=True)
class Artifact:
    """`digest` is the SHA-256 of the zip, in hexadecimal; `size` is the zip's, in bytes."""

    id: int
    repo: str
    run_id: int
    job_id: int
    name: str
    size: int
    digest: str
    created_at: str
    expires_at: str
    path: Path


class Artifacts:
    """The artifacts of all runs; a name is taken once a run."""

    def __init__(self, db: Store, root: Path) -> None:
        self._db = db
        self._root = root
        db.script(SCHEMA)

    def add(
        self,
        files: Iterable[tuple[Path, str]],
        *,
        name: str,
        repo: str,
        run_id: int,
        job_id: int,
        days: int,
        level: int,
    ) -> Artifact:
        """Zip `files` (a file and its name in the zip). Raises StepFailed when the run has one of this name."""
        if not name or any(character in _FORBIDDEN for character in name):
            raise StepFailed(f"the artifact name {name!r} is empty or holds one of {_FORBIDDEN!r}")
        if self._db.one("SELECT 1 FROM runner_artifacts WHERE run_id = ? AND name = ?", run_id, name):
            raise StepFailed(f"(409) Conflict: an artifact named {name!r} already exists on the workflow run")
        folder = self._root / "artifacts" / str(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{job_id}-{hashlib.sha256(name.encode()).hexdigest()[:16]}.zip"
        method = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", method, compresslevel=level or None) as archive:
            for file, inside in files:
                archive.write(file, inside)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        expires = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        number = self._db.run(
            "INSERT INTO runner_artifacts (repo, run_id, job_id, name, size, digest, created_at, expires_at, path)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(repo, run_id, job_id, name, path.stat().st_size, digest, moment(), expires, str(path)),
        )
        return self.get(number)

    def get(self, number: int) -> Artifact:
        """Raises KeyError."""
        return _artifact(self._db.get("SELECT * FROM runner_artifacts WHERE id = ?", number))

    def of_run(self, run_id: int) -> list[Artifact]:
        rows = self._db.all("SELECT * FROM runner_artifacts WHERE run_id = ? ORDER BY id", run_id)
        return [_artifact(row) for row in rows]

    def remove(self, artifacts: Iterable[Artifact]) -> None:
        for artifact in artifacts:
            self._db.run("DELETE FROM runner_artifacts WHERE id = ?", artifact.id)
            artifact.path.unlink(missing_ok=True)


def _artifact(row: Row) -> Artifact:
    return Artifact(**{**dict(row), "path": Path(row["path"])})


def unpack(artifact: Artifact, folder: Path) -> int:
    """Write the artifact's files below `folder`; returns how many. Raises StepFailed when the zip was changed."""
    if hashlib.sha256(artifact.path.read_bytes()).hexdigest() != artifact.digest:
        raise StepFailed(f"artifact {artifact.name!r}: its digest is not the one it was uploaded with")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(artifact.path) as archive:
        for info in archive.infolist():
            target = Path(archive.extract(info, folder))
            if info.external_attr >> 16 & 0o111:
                target.chmod(0o644)
        return len(archive.infolist())


def collect(patterns: Sequence[str], *, workspace: Path, hidden: bool) -> list[tuple[Path, str]]:
    """The files that the lines of `path` choose, with their names in the zip: relative to what the lines share."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = {file for pattern in patterns if pattern.startswith("!") for file in _files(pattern[1:], workspace)}
    found = {file for pattern in wanted for file in _files(pattern, workspace)} - unwanted
    if not found:
        return []
    roots = [_search_root(pattern, workspace) for pattern in wanted]
    root = Path(os.path.commonpath(roots))
    if root.is_file():
        root = root.parent
    named = sorted((file, file.relative_to(root).as_posix()) for file in found)
    return [(file, name) for file, name in named if hidden or not any(p.startswith(".") for p in name.split("/"))]


def _files(pattern: str, workspace: Path) -> Iterator[Path]:
    for match in glob(os.path.normpath(workspace / pattern), recursive=True, include_hidden=True):  # noqa: PTH207
        if os.path.isdir(match):  # noqa: PTH112
            for folder, _, names in os.walk(match):
                yield from (Path(folder) / name for name in names if (Path(folder) / name).is_file())
        elif os.path.isfile(match):  # noqa: PTH113
            yield Path(match)


def _search_root(pattern: str, workspace: Path) -> Path:
    path = Path(os.path.normpath(workspace / pattern))
    while has_magic(str(path)):
        path = path.parent
    return path


def empty(folder: Path) -> None:
    """Remove `folder` with everything in it."""
    shutil.rmtree(folder, ignore_errors=True)
