"""Runs, jobs' numbers and secrets in the forge's database."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace

from agent.sandbox.forge.store import Store
from agent.sandbox.runner.contexts import Cause
from agent.sandbox.runner.records import Run, end_all, from_json, moment, to_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS runner_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo TEXT NOT NULL, path TEXT NOT NULL, number INTEGER NOT NULL,
  open INTEGER NOT NULL, state TEXT NOT NULL, cause TEXT NOT NULL, source TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runner_runs_repo ON runner_runs (repo, id);
CREATE TABLE IF NOT EXISTS runner_jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS runner_secrets (
  repo TEXT NOT NULL, environment TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (repo, environment, name)
);
"""


class Runs:
    """The table of runs. A run is kept as one JSON text: it is always read and written whole."""

    def __init__(self, db: Store) -> None:
        self._db = db
        db.script(SCHEMA)

    def add(self, run: Run, cause: Cause, source: str) -> Run:
        """Number `run` and keep it with what set it off and the workflow file's text."""
        with self._db.write() as cursor:
            cursor.execute("SELECT COUNT(*) FROM runner_runs WHERE repo = ? AND path = ?", (run.repo, run.path))
            number = int(cursor.fetchone()[0]) + 1
            cursor.execute(
                "INSERT INTO runner_runs (repo, path, number, open, state, cause, source)"
                " VALUES (?, ?, ?, 1, '', ?, ?)",
                (run.repo, run.path, number, json.dumps(asdict(cause)), source),
            )
            identity = int(cursor.lastrowid or 0)
            url = f"{cause.url}/{run.repo}/actions/runs/{identity}"
            added = replace(run, id=identity, number=number, html_url=url)
            self._save(added)
        return added

    def save(self, run: Run) -> None:
        self._save(run)

    def _save(self, run: Run) -> None:
        self._db.run(
            "UPDATE runner_runs SET state = ?, open = ? WHERE id = ?",
            *(json.dumps(to_json(run)), int(run.status != "completed"), run.id),
        )

    def get(self, run_id: int) -> Run:
        """Raises KeyError."""
        return from_json(json.loads(self._db.get("SELECT state FROM runner_runs WHERE id = ?", run_id)["state"]))

    def of_repository(self, repo: str) -> list[Run]:
        """Newest first."""
        rows = self._db.all("SELECT state FROM runner_runs WHERE repo = ? ORDER BY id DESC", repo)
        return [from_json(json.loads(row["state"])) for row in rows]

    def cause(self, run_id: int) -> tuple[Cause, str]:
        """What set a run off, and its workflow file's text."""
        row = self._db.get("SELECT cause, source FROM runner_runs WHERE id = ?", run_id)
        return Cause(**json.loads(row["cause"])), str(row["source"])

    def end_lost(self) -> list[Run]:
        """End, as cancelled, what a process that is no more left open."""
        lost: list[Run] = []
        for row in self._db.all("SELECT state FROM runner_runs WHERE open = 1"):
            run, at = from_json(json.loads(row["state"])), moment()
            jobs = tuple(job if job.status == "completed" else end_all(job, at=at) for job in run.jobs)
            error = run.error or "The runner was lost; run it again."
            lost.append(replace(run, status="completed", conclusion="cancelled", jobs=jobs, updated_at=at, error=error))
        for run in lost:
            self._save(run)
        return lost

    def new_job(self, run_id: int) -> int:
        return self._db.run("INSERT INTO runner_jobs (run_id) VALUES (?)", run_id)

    def run_of_job(self, job_id: int) -> int:
        """Raises KeyError."""
        return int(self._db.get("SELECT run_id FROM runner_jobs WHERE id = ?", job_id)["run_id"])

    def set_secret(self, repo: str, name: str, value: str, environment: str) -> None:
        self._db.run(
            "INSERT OR REPLACE INTO runner_secrets (repo, environment, name, value) VALUES (?, ?, ?, ?)",
            *(repo, environment, name.upper(), value),
        )

    def secret_names(self, repo: str, environment: str) -> list[str]:
        """Names of the secrets of a repository (environment "") or of one environment, sorted."""
        sql = "SELECT name FROM runner_secrets WHERE repo = ? AND environment = ? ORDER BY name"
        return [str(row["name"]) for row in self._db.all(sql, repo, environment)]

    def secrets(self, repo: str, environments: Iterable[str]) -> dict[str, str]:
        """The secrets of a repository (environment "") and then of `environments`; the last one counts."""
        found: dict[str, str] = {}
        for environment in ("", *environments):
            rows = self._db.all(
                "SELECT name, value FROM runner_secrets WHERE repo = ? AND environment = ?", repo, environment
            )
            found |= {row["name"]: row["value"] for row in rows}
        return found
