"""`policies/waivers.yml` -> which findings a person has accepted, why and until when; findings -> findings.

A waived finding stays visible as `info`; an expired waiver waives nothing and is a finding itself.
"""

from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from agent.domain import Finding
from agent.errors import UserError
from agent.settings import Section, parse

WAIVERS_PATH = "policies/waivers.yml"
SOURCE = "waivers"
Text = Annotated[str, Field(min_length=3)]


class Waiver(Section):
    """One kind of finding that people have accepted."""

    rule: Annotated[str, Field(min_length=2, pattern=r"^[^*?\[\]\s]+$")]
    """The rule's exact id, such as CKV_AWS_144."""
    path: Annotated[str, Field(min_length=1)]
    """A path or a pattern on the finding's path, in which `*` also crosses folders."""
    reason: Text
    """Why it is accepted. Shown with the finding."""
    owner: Text
    """Who answers for it and renews it."""
    expires: date
    """The last day on which it holds, such as 2027-06-30."""

    @field_validator("path")
    @classmethod
    def _below_the_root(cls, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError("must be a path or pattern below the repository's root, such as infra/terraform/dev/*")
        return path


class Waivers(Section):
    """Findings that people have accepted: `policies/waivers.yml` on the default branch."""

    version: Literal[1] = 1
    """Version of this file's format."""
    waivers: tuple[Waiver, ...] = ()
    """Which findings, where, why, by whom and until when."""


def load_waivers(root: Path) -> Waivers:
    """The waivers of the default branch's checkout at `root`; none without the file. Raises UserError at the line."""
    path = root / WAIVERS_PATH
    if not path.exists():
        return Waivers()
    try:
        return parse(Waivers, path.read_text(encoding="utf-8"), WAIVERS_PATH)
    except UnicodeDecodeError as error:
        raise UserError(f"{WAIVERS_PATH}: not UTF-8") from error


def apply_waivers(
    findings: Iterable[Finding], waivers: Waivers, *, today: date, never: Iterable[str] = ()
) -> tuple[Finding, ...]:
    """Findings with the waived ones turned to `info`. Rules in `never` cannot be waived. Pure."""
    fixed = frozenset(never)
    return tuple(
        _waived(finding, waiver)
        if finding.rule not in fixed and (waiver := find_waiver(waivers, finding.rule, finding.path, today=today))
        else finding
        for finding in findings
    )


def find_waiver(waivers: Waivers, rule: str, path: str, *, today: date) -> Waiver | None:
    """The first waiver that holds today for `rule` at `path`. Pure."""
    for waiver in waivers.waivers:
        if waiver.rule == rule and waiver.expires >= today and fnmatchcase(path, waiver.path):
            return waiver
    return None


def for_the_gate(waivers: Waivers, *, today: date) -> tuple[tuple[str, str], ...]:
    """(rule, path pattern) of the waivers that hold today, as `agent.gate.examine` takes them. Pure."""
    return tuple((waiver.rule, waiver.path) for waiver in waivers.waivers if waiver.expires >= today)


def expired(waivers: Waivers, *, today: date) -> tuple[Finding, ...]:
    """A finding for each waiver that no longer holds. Pure."""
    return tuple(
        Finding(
            source=SOURCE,
            rule="waiver/expired",
            severity="medium",
            message=(
                f"the waiver of {waiver.rule} for {waiver.path} ended on {waiver.expires}; {waiver.owner} renews it "
                "with a reason or removes it"
            ),
            path=WAIVERS_PATH,
        )
        for waiver in waivers.waivers
        if waiver.expires < today
    )


def _waived(finding: Finding, waiver: Waiver) -> Finding:
    message = f"waived until {waiver.expires} by {waiver.owner} ({waiver.reason}): {finding.message}"
    return finding.model_copy(update={"severity": "info", "message": message})
