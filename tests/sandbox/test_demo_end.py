"""The end of the demo when nothing was applied: the reason is told, and somebody who looks on may go on."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from agent.domain import Document, Locks, Merge, Outcome, UnitOutcome
from agent.sandbox import demo
from agent.sandbox.timeline import Timeline
from agent.sandbox.visit import Visit

COMMIT = "c" * 40
WHY = "a change of risk medium needs the approval of 1 person besides who asked for it; nobody else approved it so far"
DOCUMENTS: dict[int, tuple[Document, ...]] = {
    1: (Merge(status="stopped", reasons=(WHY,), repository="acme/infra", commit=COMMIT),),
    2: (
        Merge(status="apply", repository="acme/infra", commit=COMMIT),
        Locks(status="busy", reasons=("infra/terraform/dev/x is held by casey",), commit=COMMIT),
    ),
    3: (
        Merge(status="apply", repository="acme/infra", commit=COMMIT),
        Outcome(commit=COMMIT, units=(UnitOutcome(unit="infra/terraform/dev/x", status="applied", healthy=True),)),
    ),
}
JOBS = {"merge": "document-resolve", "locks": "document-lock", "outcome": "document-validate"}


class Guest(Visit):
    """Somebody whose pull request is merged and applied in the runs 1, 2, 3, as far as they are asked for."""

    def find_issue(self, title: str, body: str) -> Any:
        return SimpleNamespace(number=1, html_url="http://forge/1")

    def pull_request(self, issue: int) -> Any:
        return SimpleNamespace(number=2, html_url="http://forge/2", merged=True)

    def settled_run(self, workflow: str, *, timeout: float, after: int = 0, again: bool = False) -> Any:
        assert again is (after == 0), "one that ended well would be run again for ever"
        return SimpleNamespace(id=after + 1, html_url="http://forge/run")

    def created(self) -> list[str]:
        return ["arn:aws:s3:::x"]

    def issue_state(self, issue: int) -> str:
        return "closed"

    def _artifact(self, run_id: int, name: str, member: str) -> str | None:
        found = [one for one in DOCUMENTS.get(run_id, ()) if (JOBS[one.name], f"{one.name}.json") == (name, member)]
        return found[0].model_dump_json() if found else None


def walked(*, interactive: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[int, demo.Result, str]:
    monkeypatch.setattr(demo, "_line_typed", lambda: demo.END)
    result = demo.Result()
    with (tmp_path / "printed").open("w+") as file:
        timeline = Timeline(Console(file=file, width=80))
        guest = Guest(SimpleNamespace(url="http://forge"))  # type: ignore[arg-type]
        options = demo.Options(interactive=interactive)
        code = demo._walk(guest, "title", "body", options=options, timeline=timeline, result=result)
        file.seek(0)
        return code, result, " ".join(file.read().split())


def test_why_nothing_was_applied_is_told_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, result, printed = walked(interactive=False, monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert (code, result.error) == (1, f"nothing was applied: {WHY}")
    assert WHY in printed
    assert "/agent retry" not in printed


def test_who_looks_on_may_approve_and_try_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, result, printed = walked(interactive=True, monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert (code, result.error, result.healthy) == (0, None, True)
    assert printed.count("These pages stay up") == 2
    assert printed.index(WHY) < printed.index("held by casey") < printed.index("applied and healthy")


def test_an_apply_that_left_nothing_points_at_its_log() -> None:
    assert "log says why" in Guest(SimpleNamespace()).unapplied(9)  # type: ignore[arg-type]
