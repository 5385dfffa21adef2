"""Guardrails: what is wrong is refused at its line with what is allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import UserError
from agent.guardrails import Guardrails
from agent.settings import parse

SOUND = """\
version: 1
environments:
  dev: {}
  prod:
    regions: [eu-west-1]
    limits: {max_creates: 3}
time_zone: Europe/Berlin
providers: [hashicorp/aws]
windows:
  - environments: [prod]
    days: [mon, tue]
    opens: "09:00"
    closes: "16:00"
freezes:
  - starts: 2026-12-18
    ends: 2026-12-20T12:00:00
    reason: the move
approvals:
  medium: {count: 2}
overrides:
  - rules: [window/*]
    teams: [platform-leads]
module_sources: [acme/vpc/aws]
image_registries: [registry.acme.example/]
resource_types: {allow: [aws_*], deny: [aws_iam_user]}
stateful_types: [aws_s3_bucket]
budgets: {usd_per_day: 20}
"""


def test_sound_guardrails_are_read() -> None:
    guardrails = parse(Guardrails, SOUND, "g.yml")
    assert guardrails.environments["prod"].limits.max_creates == 3
    assert guardrails.windows[0].days == ("mon", "tue")


def test_environments_may_be_just_names() -> None:
    text = "version: 1\nenvironments: [dev, prod]\nproviders: []\n"
    assert list(parse(Guardrails, text, "g.yml").environments) == ["dev", "prod"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "max_creates",
            "max_create",
            "g.yml:6: environments.prod.limits.max_create: no such field; did you mean max_c",
        ),
        ("regions:", "region:", "g.yml:5: environments.prod.region: no such field; did you mean regions?; there are "),
        (
            "[eu-west-1]",
            "[Ireland]",
            "g.yml:5: environments.prod.regions.0: must be a region such as us-east-1, got 'I",
        ),
        ("Europe/Berlin", "Europe/Berln", "g.yml:7: time_zone: must be an IANA time zone"),
        ("Europe/Berlin", "../../etc/passwd", "g.yml:7: time_zone: must be an IANA time zone"),
        ("[mon, tue]", "[mon, tues]", "g.yml:11: windows.0.days.1: must be one of mon, tue, wed, thu, fri, sat, sun, "),
        ("tue]", "tues]", "got 'tues'; did you mean tue?"),
        ("[mon, tue]", "[]", "g.yml:11: windows.0.days: "),
        ('"09:00"', '"9:00"', "g.yml:12: windows.0.opens: must be a time such as"),
        ('"09:00"', '"16:00"', "g.yml:10: windows.0: opens and closes leave no time"),
        (
            "- environments: [prod]",
            "- environments: [prd]",
            "g.yml:10: windows.0.environments.0: must be one of dev, pr",
        ),
        ("2026-12-20T12:00:00", "2026-12-20T12:00:00+02:00", "g.yml:16: freezes.0.ends: must be a local time without"),
        ("2026-12-20T12:00:00", "2026-12-17", "g.yml:15: freezes.0: ends before it starts"),
        ("    reason: the move\n", "", "freezes.0.reason: has to be given"),
        (
            "  medium:",
            "  hihg: {count: 1}\n  medium:",
            "g.yml:19: approvals.hihg: must be one of low, medium, high, cr",
        ),
        ("{count: 2}", "{count: 0}", "g.yml:19: approvals.medium.count: "),
        (
            "{count: 2}",
            "{count: 2}\n  high: {count: 1}",
            "g.yml:20: approvals.high.count: must be 2 or more, as for the",
        ),
        ("[window/*]", '["*"]', "g.yml:21: overrides.0.rules.0: must be a rule such as"),
        ("    teams: [platform-leads]\n", "", "g.yml:21: overrides.0: must name the teams or the logins"),
        ("acme/vpc/aws", "acme/../aws", "module_sources.0: must be the beginning of an address"),
        ("acme/vpc/aws", '""', "module_sources.0: must be the beginning of an address"),
        ("[aws_s3_bucket]", "[aws_*]", "stateful_types.0: must be a resource type such as aws_s3_bucket, without *"),
        ("usd_per_day: 20", "usd_per_day: -1", "budgets.usd_per_day: "),
        ("usd_per_day: 20", "usd_per_day: .inf", "budgets.usd_per_day: "),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(old: str, new: str, said: str) -> None:
    assert old in SOUND
    with pytest.raises(UserError) as refused:
        parse(Guardrails, SOUND.replace(old, new, 1), "g.yml")
    assert said in str(refused.value)


@given(st.sampled_from(SOUND.splitlines()), st.text(alphabet="abc:[]{}#-\"'*& \n\t0", max_size=12))
def test_any_text_is_read_or_refused_with_its_name(line: str, text: str) -> None:
    said = "g.yml:"
    try:
        parse(Guardrails, SOUND.replace(line, line + text, 1), "g.yml")
    except UserError as error:
        said = str(error)
    assert said.startswith("g.yml:")
