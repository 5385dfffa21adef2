"""Waivers: what they cover, until when, and that a wrong file is refused at the line."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks.waivers import WAIVERS_PATH, Waiver, Waivers, apply_waivers, expired, find_waiver, load_waivers
from agent.domain import Finding
from agent.errors import UserError

DAY = date(2026, 5, 1)
WAIVER = Waiver(
    rule="CKV_AWS_18", path="infra/terraform/dev/*", reason="no log bucket in dev", owner="platform", expires=DAY
)
WAIVERS = Waivers(waivers=(WAIVER,))


def finding(rule: str = "CKV_AWS_18", path: str = "infra/terraform/dev/logs/main.tf") -> Finding:
    return Finding(source="checkov", rule=rule, severity="high", message="no access log", path=path, line=3)


@pytest.mark.parametrize(
    ("rule", "path", "day", "holds"),
    [
        ("CKV_AWS_18", "infra/terraform/dev/logs/main.tf", DAY, True),
        ("CKV_AWS_18", "infra/terraform/dev/logs/main.tf", DAY + timedelta(days=1), False),
        ("CKV_AWS_181", "infra/terraform/dev/logs/main.tf", DAY, False),
        ("ckv_aws_18", "infra/terraform/dev/logs/main.tf", DAY, False),
        ("CKV_AWS_18", "infra/terraform/prod/logs/main.tf", DAY, False),
        ("CKV_AWS_18", "infra/terraform/device/main.tf", DAY, False),
        ("CKV_AWS_18", "", DAY, False),
    ],
)
def test_what_a_waiver_covers(rule: str, path: str, day: date, holds: bool) -> None:
    assert (find_waiver(WAIVERS, rule, path, today=day) is not None) is holds
    (after,) = apply_waivers([finding(rule, path)], WAIVERS, today=day)
    assert (after.severity == "info") is holds
    assert (after.path, after.line, after.rule) == (path, 3, rule)


def test_the_reason_is_shown() -> None:
    (after,) = apply_waivers([finding()], WAIVERS, today=DAY)
    assert after.message == "waived until 2026-05-01 by platform (no log bucket in dev): no access log"


def test_an_expired_waiver_is_a_finding_that_says_what_to_do() -> None:
    assert expired(WAIVERS, today=DAY) == ()
    (found,) = expired(WAIVERS, today=DAY + timedelta(days=1))
    assert (found.rule, found.severity, found.path) == ("waiver/expired", "medium", WAIVERS_PATH)
    assert "ended on 2026-05-01; platform renews it" in found.message


@given(st.lists(st.builds(finding, rule=st.sampled_from(["CKV_AWS_18", "x"]), path=st.text(max_size=20))), st.dates())
def test_no_finding_is_ever_lost(findings: list[Finding], day: date) -> None:
    after = apply_waivers(findings, WAIVERS, today=day)
    assert [(item.rule, item.path, item.line) for item in after] == [
        (item.rule, item.path, item.line) for item in findings
    ]
    for before, now in zip(findings, after, strict=True):
        assert before.message in now.message


def load(root: Path, text: str) -> Waivers:
    (root / "policies").mkdir()
    (root / WAIVERS_PATH).write_text(text, encoding="utf-8")
    return load_waivers(root)


def test_no_file_is_no_waiver(tmp_path: Path) -> None:
    assert load_waivers(tmp_path).waivers == ()


def test_a_file_without_entries(tmp_path: Path) -> None:
    assert load(tmp_path, "waivers: []\n").waivers == ()


ENTRY = """\
- rule: CKV_AWS_18
  path: infra/terraform/dev/*
  reason: because of it
  owner: platform
  expires: 2026-05-01
"""


def test_a_good_file(tmp_path: Path) -> None:
    assert load(tmp_path, f"version: 1\nwaivers:\n{ENTRY}").waivers[0].expires == DAY


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (ENTRY.replace("  expires: 2026-05-01\n", ""), ":3: waivers.0.expires:", "has to be given"),
        (ENTRY.replace("2026-05-01", "soon"), ":7: waivers.0.expires:", "valid date"),
        (ENTRY.replace("reason: because of it", "reason: ''"), ":5: waivers.0.reason:", "at least 3 characters"),
        (ENTRY.replace("rule: CKV_AWS_18", "rule: 'CKV_*'"), ":3: waivers.0.rule:", "pattern"),
        (ENTRY.replace("infra/terraform/dev/*", "/etc/*"), ":4: waivers.0.path:", "below the repository's root"),
        (ENTRY.replace("infra/terraform/dev/*", "infra/../*"), ":4: waivers.0.path:", "below the repository's root"),
        (ENTRY + "  because: 1\n", ":8: waivers.0.because:", "no such field"),
        ("- [\n", ":", "not YAML"),
    ],
)
def test_a_wrong_file_is_refused_at_the_line(tmp_path: Path, text: str, place: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, f"version: 1\nwaivers:\n{text}")
    assert str(caught.value).startswith(f"{WAIVERS_PATH}{place}")
    assert reason in str(caught.value)
