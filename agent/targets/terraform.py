"""A unit in a checkout -> findings, its plan, what applying it did, and whether it then stands still."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from agent import seal
from agent.domain import Change, Finding, Planned, UnitOutcome, UnitPlan
from agent.errors import ToolError
from agent.settings import Settings
from agent.targets import terraform_cli as cli
from agent.targets import terraform_plan as plans
from agent.targets.terraform_cli import Diagnostic, Workspace, find_binary
from agent.targets.terraform_files import affected, discover, trusted_files, unit_of
from agent.targets.terraform_plan import canonical_digest
from agent.targets.terraform_provider import running
from agent.targets.terraform_references import references_of
from agent.targets.terraform_sensitive import sensitive_values
from agent.targets.terraform_validate import validate, validate_all
from agent.tools import Completed, Tools

__all__ = [
    "SecondPlan",
    "affected",
    "apply",
    "canonical_digest",
    "discover",
    "find_binary",
    "fmt_check",
    "lay_out",
    "outputs",
    "plan",
    "second_plan",
    "trusted_files",
    "unit_of",
    "validate",
    "validate_all",
]

_FMT_DIFFERENT, _FMT_BROKEN = 3, 2
_EMPTY, _BROKEN, _CHANGES = 0, 1, 2  # exit codes of `plan -detailed-exitcode`
_GRACE_SECONDS = 120.0


@dataclass(frozen=True)
class SecondPlan:
    """How a unit stands after its apply: `reason` and `changes` say why it is not `empty`.

    `outputs` are the unit's outputs that are not sensitive.
    """

    empty: bool
    reason: str
    changes: tuple[Change, ...]
    outputs: Mapping[str, JsonValue]


def fmt_check(tools: Tools, root: Path, unit: str, settings: Settings) -> tuple[Finding, ...]:
    """Files of the unit that are not laid out as `terraform fmt` lays them out, or that it cannot read."""
    with cli.workspace(tools, root, unit, settings) as place:
        done = place.run(
            "fmt", "-check", "-list=true", "-recursive", "-no-color", ok=(0, _FMT_BROKEN, _FMT_DIFFERENT),
            seconds=cli.QUICK_SECONDS,
        )  # fmt: skip
    if done.code == _FMT_BROKEN:
        message = "cannot be read by `terraform fmt`; `terraform validate` names the place"
        return (Finding(source="terraform", rule="fmt/unreadable", severity="high", message=message, path=unit),)
    return tuple(
        Finding(
            source="terraform",
            rule="fmt/layout",
            severity="low",
            message="not laid out as `terraform fmt` does; run it and commit the result",
            path=f"{unit}/{name}",
        )
        for name in sorted(done.stdout.split("\n"))
        if name
    )


def lay_out(tools: Tools, root: Path, settings: Settings) -> None:
    """Rewrite every file below `root`, a copy of ours, as `terraform fmt` does; one that it cannot read stays."""
    with cli.workspace(tools, root, ".", settings) as place:
        place.run("fmt", "-recursive", "-list=false", "-no-color", ok=(0, _FMT_BROKEN), seconds=cli.QUICK_SECONDS)


def plan(
    tools: Tools, root: Path, unit: str, *, settings: Settings, key: bytes = b""
) -> tuple[UnitPlan, dict[str, Any]]:
    """What applying the unit would do, and the raw plan JSON for policies (empty when no plan could be made).

    Takes no state lock, so that credentials that only read are enough. A plan that fails by the unit's code has status
    `failed` and a reason. `key` is for `canonical_digest`. Raises ToolError: no binary, over time, unreadable answer.
    """
    started = time.monotonic()
    with cli.workspace(tools, root, unit, settings) as place:
        failed = cli.init(place, backend=True)
        if failed:
            return _failed(place, failed, started), {}
        with running(place) as ready:
            return _plan(ready, key=key, lock=None, started=started)


def apply(
    tools: Tools,
    root: Path,
    unit: str,
    *,
    settings: Settings,
    expected_digest: str,
    expected: Sequence[Planned] = (),
    allowed: Collection[str] = (),
    hindrance: Callable[[], str] = str,
    key: bytes = b"",
    lock_seconds: int = 60,
) -> UnitOutcome:
    """Plan again, compare with the digest that was approved, and apply exactly the plan that was compared.

    `stopped` means that nothing was applied: no plan could be made, no digest was approved, or the plan is another one
    than `expected_digest` and all of `allowed`; then `moved` says how it differs from `expected`, the approved plan in
    brief. `hindrance` is asked at the last moment, and a text that it returns stops too. A plan without any change is
    `applied` with nothing done: a run that was cut off after its apply may run again. Waits `lock_seconds` for another
    run's state lock. Raises ToolError: no binary, over time, unreadable answer.
    """
    started = time.monotonic()
    with cli.workspace(tools, root, unit, settings) as place:
        failed = cli.init(place, backend=True)
        if failed:
            return _stopped(_failed(place, failed, started), "no plan could be made: ", started)
        with running(place) as ready:
            now, raw = _plan(ready, key=key, lock=lock_seconds, started=started)
            if now.status == "failed":
                return _stopped(now, "no plan could be made: ", started)
            if plans.is_empty(raw):
                reason = "nothing to do: the unit already stands as planned"
                return UnitOutcome(
                    unit=unit, status="applied", reason=reason, digest=now.digest, seconds=_since(started)
                )
            if not expected_digest or now.digest not in (expected_digest, *allowed):
                reason = "the plan is not the approved one" if expected_digest else "no approved plan to compare with"
                moved = seal.difference(expected, now.record)
                return _stopped(now, reason, started).model_copy(update={"moved": moved, "record": now.record})
            if reason := hindrance():
                return _stopped(now, reason, started)
            return _apply(ready, now, hidden=sensitive_values(raw), lock=lock_seconds, started=started)


def second_plan(tools: Tools, root: Path, unit: str, *, settings: Settings) -> SecondPlan:
    """Plan once more: after a complete apply nothing is left to do, in resources and outputs alike.

    Takes no state lock. A plan that cannot be made is not empty. Raises ToolError as `plan` does.
    """
    started = time.monotonic()
    with cli.workspace(tools, root, unit, settings) as place:
        failed = cli.init(place, backend=True)
        if failed:
            reason = f"no plan could be made: {cli.reason(failed, place.tools.environment)}"
            return SecondPlan(empty=False, reason=reason, changes=(), outputs={})
        with running(place) as ready:
            done = _plan_file(ready, lock=None)
            if done.code == _EMPTY:  # saves `show`, which loads the provider once more
                return SecondPlan(empty=True, reason="", changes=(), outputs=_outputs(ready))
            left, raw = _read_plan(ready, done, key=b"", started=started)
            if left.status == "failed":
                reason = f"no plan could be made: {left.reason}"
                return SecondPlan(empty=False, reason=reason, changes=(), outputs=_outputs(ready))
            if plans.is_empty(raw):
                return SecondPlan(empty=True, reason="", changes=(), outputs=plans.outputs_of(raw))
            names = [*plans.changed_resources(raw), *(f"output {name}" for name in plans.changed_outputs(raw))]
            reason = f"not settled: {', '.join(names[:10]) or 'the plan is incomplete'}"
            return SecondPlan(empty=False, reason=reason, changes=left.changes, outputs=_outputs(ready))


def outputs(tools: Tools, root: Path, unit: str, *, settings: Settings) -> dict[str, JsonValue]:
    """The unit's outputs in its state, sensitive ones left out. Raises ToolError when they cannot be read."""
    with cli.workspace(tools, root, unit, settings) as place:
        failed = cli.init(place, backend=True)
        if failed:
            raise ToolError(f"{unit}: no outputs: {cli.reason(failed, place.tools.environment)}")
        return _outputs(place)


def _plan(place: Workspace, *, key: bytes, lock: int | None, started: float) -> tuple[UnitPlan, dict[str, Any]]:
    return _read_plan(place, _plan_file(place, lock=lock), key=key, started=started)


def _plan_file(place: Workspace, *, lock: int | None) -> Completed:
    locking = "-lock=false" if lock is None else f"-lock-timeout={lock}s"
    return place.run(
        "plan", "-json", "-input=false", "-no-color", "-detailed-exitcode", locking, f"-out={place.temp / 'plan'}",
        ok=(_EMPTY, _BROKEN, _CHANGES),
    )  # fmt: skip


def _read_plan(place: Workspace, done: Completed, *, key: bytes, started: float) -> tuple[UnitPlan, dict[str, Any]]:
    if done.code == _BROKEN:
        return _failed(place, cli.errors_of(done, place), started), {}
    shown = place.run("show", "-json", "-no-color", str(place.temp / "plan"), ok=(0,), seconds=cli.QUICK_SECONDS)
    raw = _object(shown.stdout, f"{place.unit}: `show -json`")
    changes = plans.changes_of(raw)
    planned = UnitPlan(
        unit=place.unit,
        target="terraform",
        status="planned",
        changes=changes,
        references=references_of(raw, changes),
        unknowns=plans.unknowns(raw),
        digest=canonical_digest(raw, key=key),
        record=plans.record_of(raw, key=key),
        tool=f"{place.binary.name} {raw.get('terraform_version', '')}".strip(),
        seconds=_since(started),
    )
    return planned, raw


def _outputs(place: Workspace) -> dict[str, JsonValue]:
    done = place.run("output", "-json", "-no-color", ok=(0,), seconds=cli.QUICK_SECONDS)
    answer = _object(done.stdout, f"{place.unit}: `output -json`")
    return {name: item["value"] for name, item in sorted(answer.items()) if item.get("sensitive") is False}


def _apply(place: Workspace, now: UnitPlan, *, hidden: Collection[str], lock: int, started: float) -> UnitOutcome:
    arguments = ("apply", "-json", "-input=false", "-no-color", f"-lock-timeout={lock}s")
    # killed outright, it would leave its lock and forget what it has just made
    done = place.run(*arguments, str(place.temp / "plan"), grace=_GRACE_SECONDS)
    if done.code == 0:
        return UnitOutcome(
            unit=place.unit, status="applied", changes=now.changes, digest=now.digest, seconds=_since(started)
        )
    complete = _complete(cli.messages(done.stdout))
    changes = tuple(change for change in now.changes if change.address in complete)
    reason = cli.reason(cli.errors_of(done, place), place.tools.environment, hidden=hidden)
    return UnitOutcome(
        unit=place.unit,
        status="failed",
        reason=f"{_done_words(changes, now.changes)}\n{reason}",
        changes=changes,
        digest=now.digest,
        seconds=_since(started),
    )


def _complete(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    return {
        message["hook"]["resource"]["addr"]
        for message in messages
        if message.get("type") == "apply_complete" and isinstance(message.get("hook"), dict)
    }


def _done_words(done: Iterable[Change], planned: Iterable[Change]) -> str:
    complete = [f"{change.address} ({' and '.join(change.verbs)})" for change in done]
    total = sum(set(change.verbs) != {"read"} for change in planned)
    return f"{len(complete)} of {total} changes were made: {', '.join(complete) or 'none'}."


def _failed(place: Workspace, found: tuple[Diagnostic, ...], started: float) -> UnitPlan:
    return UnitPlan(
        unit=place.unit,
        target="terraform",
        status="failed",
        tool=place.binary.name,
        reason=cli.reason(found, place.tools.environment),
        seconds=_since(started),
    )


def _stopped(now: UnitPlan, why: str, started: float) -> UnitOutcome:
    return UnitOutcome(
        unit=now.unit, status="stopped", reason=why + now.reason, digest=now.digest, seconds=_since(started)
    )


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise ToolError(f"{what} printed what is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ToolError(f"{what} printed a {type(answer).__name__}, not an object")
    return answer


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
