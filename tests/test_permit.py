"""Decisions of the guardrails: when, where, what, and by whom."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Risk
from agent.guardrails import DAYS, RISKS, Guardrails
from agent.permit import (
    allowed_region,
    allowed_type,
    closed_at,
    limits_of,
    may_approve,
    may_override,
    open_at,
    overriders,
    required_approvals,
)

BERLIN = ZoneInfo("Europe/Berlin")


def rails(**more: Any) -> Guardrails:
    return Guardrails(version=1, environments=("dev", "prod"), providers=(), time_zone="Europe/Berlin", **more)


OFFICE = {"environments": ["prod"], "days": ["mon", "tue", "wed", "thu"], "opens": "09:00", "closes": "16:00"}
NIGHT = {"environments": ["prod"], "days": ["fri"], "opens": "22:00", "closes": "02:00"}


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 08:59", False),
        ("2026-11-23 09:00", True),
        ("2026-11-23 15:59", True),
        ("2026-11-23 16:00", False),
        ("2026-11-27 12:00", False),
        ("2026-11-27 22:00", True),
        ("2026-11-28 01:59", True),
        ("2026-11-28 02:00", False),
        ("2026-11-29 01:00", False),
    ],
)
def test_a_window_opens_and_closes_in_its_own_time_zone(when: str, is_open: bool) -> None:
    guardrails = rails(windows=[OFFICE, NIGHT])
    moment = datetime.fromisoformat(when).replace(tzinfo=BERLIN)
    assert (open_at(guardrails, "prod", moment) is None) is is_open
    assert (open_at(guardrails, "prod", moment.astimezone(ZoneInfo("Asia/Tokyo"))) is None) is is_open
    assert open_at(guardrails, "dev", moment) is None


def test_a_closed_window_says_when_it_opens() -> None:
    said = open_at(rails(windows=[OFFICE]), "prod", datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert said == (
        "prod takes changes mon, tue, wed, thu 09:00-16:00 (Europe/Berlin); "
        "it opens Mon 2026-11-23 09:00 (Europe/Berlin)"
    )


def test_a_freeze_beats_a_window_and_the_opening_comes_after_it() -> None:
    freeze = {"starts": date(2026, 11, 23), "ends": date(2026, 11, 24), "reason": "the move"}
    closure = closed_at(rails(windows=[OFFICE], freezes=[freeze]), "prod", datetime(2026, 11, 23, 10, tzinfo=BERLIN))
    assert closure is not None
    assert closure.rule == "preflight/freeze"
    assert "frozen until Wed 2026-11-25 00:00 (Europe/Berlin): the move" in closure.reason
    assert closure.opens == datetime(2026, 11, 25, 9, tzinfo=BERLIN)


@pytest.mark.parametrize(("hour", "is_open"), [(11, False), (12, True)])
def test_a_freeze_with_a_time_ends_at_it(hour: int, is_open: bool) -> None:
    freeze = {"environments": ["prod"], "starts": date(2026, 1, 1), "ends": datetime(2026, 1, 3, 12), "reason": "why"}
    moment = datetime(2026, 1, 3, hour, 30 if hour == 11 else 0, tzinfo=BERLIN)
    assert (open_at(rails(freezes=[freeze]), "prod", moment) is None) is is_open
    assert open_at(rails(freezes=[freeze]), "dev", moment) is None


def test_an_opening_in_the_hour_that_does_not_exist_is_the_moment_of_the_change() -> None:
    sunday = {"environments": ["prod"], "days": ["sun"], "opens": "02:30", "closes": "04:00"}
    closure = closed_at(rails(windows=[sunday]), "prod", datetime(2026, 3, 29, 0, tzinfo=UTC))
    assert closure is not None
    assert closure.opens == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        open_at(rails(), "prod", datetime(2026, 1, 1))


clocks = st.sampled_from(["00:00", "02:30", "09:00", "16:00", "23:30"])


@given(
    days=st.sets(st.sampled_from(DAYS), min_size=1),
    opens=clocks,
    closes=st.sampled_from(["01:00", "12:15", "24:00"]),
    minutes=st.integers(0, 60 * 24 * 400),
    frozen=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30)), max_size=3),
)
def test_the_announced_opening_is_open_and_nothing_before_it(
    days: set[str], opens: str, closes: str, minutes: int, frozen: list[tuple[int, int]]
) -> None:
    window = {"environments": ["prod"], "days": sorted(days), "opens": opens, "closes": closes}
    start = date(2026, 1, 1)
    freezes = [
        {"starts": start + timedelta(days=at), "ends": start + timedelta(days=at + length), "reason": "why"}
        for at, length in frozen
    ]
    guardrails = rails(windows=[window], freezes=freezes)
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    closure = closed_at(guardrails, "prod", when)
    if closure is None:
        return
    assert closure.opens is not None
    assert closure.opens > when
    assert closed_at(guardrails, "prod", closure.opens) is None
    quarters = (closure.opens - when) // timedelta(minutes=15)
    for step in range(1, min(quarters, 300) + 1):
        before = closure.opens - timedelta(minutes=15) * step
        if before > when:
            assert closed_at(guardrails, "prod", before) is not None


def test_regions_and_types() -> None:
    guardrails = Guardrails(
        version=1,
        environments={"dev": {}, "prod": {"regions": ["eu-west-1"], "limits": {"max_creates": 3}}},
        providers=(),
        resource_types={"allow": ["aws_*"], "deny": ["aws_iam_user*"]},
        limits={"max_destroys": 2, "max_creates": 9},
    )
    assert allowed_region(guardrails, "prod", "eu-west-1") is None
    assert allowed_region(guardrails, "dev", "us-east-1") is None
    assert allowed_region(guardrails, "prod", "us-east-1") == "prod may not use us-east-1; it may use eu-west-1"
    assert "there are dev, prod" in (allowed_region(guardrails, "test", "eu-west-1") or "")
    assert allowed_type(guardrails, "aws_s3_bucket") is None
    assert "deny holds aws_iam_user*" in (allowed_type(guardrails, "aws_iam_user_policy") or "")
    assert "allow holds aws_*" in (allowed_type(guardrails, "google_x") or "")
    assert (limits_of(guardrails, "prod").max_creates, limits_of(guardrails, "prod").max_destroys) == (3, 2)
    assert limits_of(guardrails, "dev").max_creates == 9


@pytest.mark.parametrize(("risk", "count"), [("low", 1), ("medium", 2), ("high", 2), ("critical", 3)])
def test_a_risk_without_an_entry_needs_what_the_next_lower_one_does(risk: Risk, count: int) -> None:
    guardrails = rails(approvals={"medium": {"count": 2}, "critical": {"count": 3, "teams": ["acme/security"]}})
    assert required_approvals(guardrails, risk).count == count


@given(st.dictionaries(st.sampled_from(RISKS), st.integers(1, 6)))
def test_a_higher_risk_never_needs_fewer(counts: dict[Risk, int]) -> None:
    try:
        guardrails = rails(approvals={risk: {"count": count} for risk, count in counts.items()})
    except ValueError:
        return
    needed = [required_approvals(guardrails, risk).count for risk in RISKS]
    assert needed == sorted(needed)


def test_who_may_approve_and_override() -> None:
    guardrails = rails(
        approvals={"high": {"teams": ["security"], "logins": ["Mona"]}},
        overrides=[
            {"rules": ["preflight/win*"], "teams": ["acme/leads"]},
            {"rules": ["preflight/limits"], "logins": ["octocat"]},
        ],
    )
    high = required_approvals(guardrails, "high")
    assert may_approve(high, "mona", ())
    assert may_approve(high, "x", ("acme/security",))
    assert not may_approve(high, "x", ("acme/other",))
    assert may_approve(required_approvals(guardrails, "low"), "x", ())
    assert may_override(guardrails, "preflight/window", "x", ("acme/leads",))
    assert not may_override(guardrails, "preflight/window", "x", ("evil/leads",))
    assert not may_override(guardrails, "preflight/freeze", "x", ("acme/leads",))
    assert may_override(guardrails, "preflight/limits", "Octocat", ())
    assert not may_override(guardrails, "preflight/quota", "octocat", ())
    assert overriders(guardrails, "preflight/window") == ("team acme/leads",)
    assert overriders(guardrails, "preflight/freeze") == ()
