"""SQL in, rows out: one SQLite file whose writers take turns."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

Row = sqlite3.Row
Value = str | int | float | None


class Store:
    """One connection for all threads behind one lock: a reader never sees half a write, two writers never meet."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._after: list[Callable[[], None]] = []
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")

    def script(self, sql: str) -> None:
        """Run several statements, for a package that makes its own tables."""
        with self._lock:
            self._connection.executescript(sql)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        """A transaction that commits on the way out and rolls back on an error; an inner one joins the outer one.

        What was handed to `after_commit` runs after the commit, outside the lock.
        """
        ready: list[Callable[[], None]] = []
        with self._lock:
            outermost = self._depth == 0
            cursor = self._connection.cursor()
            if outermost:
                cursor.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield cursor
                if outermost:
                    cursor.execute("COMMIT")
                    ready, self._after = self._after, []
            except BaseException:
                if outermost:
                    self._after = []
                    cursor.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1
                cursor.close()
        for call in ready:
            call()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep all others out while something outside the database changes, such as a push."""
        with self._lock:
            yield

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run `call` once the transaction that is under way has been committed; not at all if it is rolled back."""
        with self._lock:
            if self._depth == 0:
                raise RuntimeError("after_commit is called within `with store.write()` only")
            self._after.append(call)

    def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def get(self, sql: str, *values: Value) -> Row:
        """The first row. Raises KeyError when there is none."""
        row = self.one(sql, *values)
        if row is None:
            raise KeyError(f"no row for {values!r}")
        return row

    def all(self, sql: str, *values: Value) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Value) -> int:
        """One statement in a transaction of its own (or the one under way). Returns the new row's id."""
        with self.write() as cursor:
            cursor.execute(sql, values)
            return int(cursor.lastrowid or 0)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def now() -> str:
    """The present second as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
