"""What is refused before anything is written, each rule with the case next to it that passes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import preflight
from agent.domain import ChangeSet, File, Intent, OpenChange, Override, Request, Scope
from agent.guardrails import Guardrails
from agent.preflight import Standing
from agent.settings import Settings

UNIT = "infra/terraform/dev/reports"
SETTINGS = Settings.model_validate(
    {
        "version": 1,
        "environments": {
            name: {"region": "us-east-1", "state": {"bucket": "state", "region": "us-east-1", "prefix": "tf/"}}
            for name in ("dev", "prod")
        },
        "terraform": {"providers": {"aws": {"source": "hashicorp/aws", "version": "5.100.0"}}},
    }
)
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
BUCKET = 'resource "aws_s3_bucket" "this" {\n  bucket = "reports"\n}\n'
REQUEST = Request(
    status="accepted", trigger="label", repository="acme/infra", number=1, url="", title="", body="", requester="casey",
    actor="casey", sha256="0" * 64, base_sha="0" * 40, branch="agent/1",
)  # fmt: skip
FREEZE = {"starts": "2026-12-20", "ends": "2027-01-02", "reason": "Holidays."}
WINDOW = {"environments": ["dev"], "opens": "13:00", "closes": "14:00"}


def guardrails(**more: Any) -> Guardrails:
    base: dict[str, Any] = {"version": 1, "environments": ["dev", "prod"], "providers": ["hashicorp/aws"]}
    return Guardrails.model_validate(base | more)


def change(
    files: dict[str, str | None] | None = None, *, author: str = "blueprint:s3-bucket", **more: Any
) -> ChangeSet:
    written = {f"{UNIT}/main.tf": BUCKET} if files is None else files
    scope: dict[str, Any] = {
        "environment": "dev",
        "units": (UNIT,),
        "types": {"aws_s3_bucket": ("create",)},
        "max_creates": 1,
    } | more
    return ChangeSet(
        status="written",
        author=author,
        files=tuple(File(path=path, content=text) for path, text in written.items()),
        units=tuple(scope["units"]),
        scope=Scope.model_validate(scope),
    )


def refused(
    made: ChangeSet | None = None,
    *,
    rails: Guardrails | None = None,
    standing: Standing | None = None,
    overrides: tuple[str, ...] = (),
    settings: Settings = SETTINGS,
) -> dict[str, str]:
    """Rule -> message."""
    said = tuple(
        Override(rule=rule, value=value, reason="x", by="morgan", comment_id=1)
        for rule, _, value in (one.partition("=") for one in overrides)
    )
    found = preflight.check(
        REQUEST.model_copy(update={"overrides": said}),
        made or change(),
        intent=Intent(summary="", environment="dev"),
        guardrails=rails or guardrails(),
        settings=settings,
        standing=standing or Standing(existing={}),
        now=NOW,
    )
    return {refusal.rule: refusal.message for refusal in found}


def test_what_is_allowed_free_and_alone_passes() -> None:
    assert refused() == {}


@pytest.mark.parametrize(
    ("rule", "rails", "said"),
    [
        ("preflight/freeze", {"freezes": [FREEZE]}, "Holidays."),
        ("preflight/window", {"windows": [WINDOW]}, "13:00-14:00"),
        ("preflight/type", {"resource_types": {"deny": ["aws_s3_*"]}}, "aws_s3_bucket is not allowed"),
        ("preflight/type", {"resource_types": {"allow": ["aws_sqs_queue"]}}, "aws_sqs_queue"),
        ("preflight/region", {"environments": {"dev": {"regions": ["eu-central-1"]}}}, "eu-central-1"),
        ("preflight/environment", {"environments": ["prod"]}, "dev is not one of prod"),
        ("preflight/limit", {"limits": {"max_creates": 0}}, "up to 1 resource"),
        ("preflight/quota", {"environments": {"dev": {"quotas": {"aws_s3_*": 0}}}}, "may hold 0"),
    ],
)
def test_what_the_guardrails_do_not_allow(rule: str, rails: dict[str, Any], said: str) -> None:
    found = refused(rails=guardrails(**rails))
    assert list(found) == [rule]
    assert said in found[rule]


@pytest.mark.parametrize(
    "rails",
    [
        {"freezes": [FREEZE | {"environments": ["prod"]}]},
        {"windows": [WINDOW | {"opens": "11:00"}]},
        {"resource_types": {"deny": ["aws_iam_*"]}},
        {"environments": {"dev": {"regions": ["us-east-1"]}}},
        {"limits": {"max_creates": 1}},
        {"environments": {"dev": {"quotas": {"aws_s3_*": 1}}}},
    ],
)
def test_what_the_guardrails_allow(rails: dict[str, Any]) -> None:
    assert refused(rails=guardrails(**rails)) == {}


def test_who_can_override_is_named_and_only_then_an_override_counts() -> None:
    rails = guardrails(
        freezes=[FREEZE],
        windows=[WINDOW],
        overrides=[{"rules": ["preflight/freeze"], "logins": ["morgan"], "teams": ["leads"]}],
    )
    found = preflight.check(
        REQUEST, change(), intent=None, guardrails=rails, settings=SETTINGS, standing=Standing({}), now=NOW
    )
    assert {one.rule: one.who for one in found} == {
        "preflight/freeze": ("morgan", "team leads"),
        "preflight/window": (),
    }
    assert preflight.sentence(found[0]).endswith("morgan, team leads can override it")
    assert preflight.sentence(found[1]).endswith("nobody can override it")
    # A freeze that is overridden opens no window, and what nobody may override never is.
    assert list(refused(rails=rails, overrides=(f"preflight/freeze={UNIT}",))) == ["preflight/window"]
    for other in (f"preflight/window={UNIT}", "preflight/freeze", "preflight/freeze=dev", f"preflight/freeze={UNIT}s"):
        assert set(refused(rails=rails, overrides=(other,))) == {"preflight/freeze", "preflight/window"}, other


def test_a_quota_counts_what_stands_what_really_runs_and_modules() -> None:
    rails = guardrails(environments={"dev": {"quotas": {"aws_s3_bucket": 4}}})
    module = "infra/terraform/modules/pair/main.tf"
    existing = {
        module: 'resource "aws_s3_bucket" "a" {\n  count = 2\n}\n',
        "infra/terraform/dev/one/main.tf": 'module "x" {\n  source = "../../modules/pair"\n}\n',
        "infra/terraform/dev/two/main.tf": 'resource "aws_s3_bucket" "a" {\n  for_each = toset(["a", "b"])\n}\n',
        "infra/terraform/prod/three/main.tf": BUCKET,
    }
    found = refused(rails=rails, standing=Standing(existing))
    assert found == {"preflight/quota": "dev holds 4 aws_s3_bucket and may hold 4; this asks for 1 more"}
    less = {path: text for path, text in existing.items() if "two" not in path}
    assert refused(rails=rails, standing=Standing(less)) == {}
    assert (
        "holds 4"
        in refused(rails=rails, standing=Standing(less, facts={"dev": {"aws_s3_bucket": 4}}))["preflight/quota"]
    )
    # Less than before is never refused, however much there is.
    gone = change(
        {"infra/terraform/dev/two/main.tf": None}, units=("infra/terraform/dev/two",), types={}, max_creates=0
    )
    tight = guardrails(environments={"dev": {"quotas": {"aws_s3_bucket": 0}}})
    assert refused(gone, rails=tight, standing=Standing(existing)) == {}


def test_golden_paths_only() -> None:
    free = change(author="model:x")
    assert refused(free) == {}
    for rails in (
        guardrails(environments={"dev": {"golden_paths_only": True}}),
        guardrails(resource_types={"golden_path": ["aws_s3_*"]}),
    ):
        assert list(refused(free, rails=rails)) == ["preflight/golden-path"]
        assert refused(rails=rails) == {}


def test_another_open_pull_request_and_a_lock() -> None:
    other = OpenChange(number=7, url="https://github.example/acme/infra/pull/7", units=(UNIT,))
    (found,) = preflight.check(
        REQUEST, change(), intent=None, guardrails=guardrails(), settings=SETTINGS,
        standing=Standing({}, open_changes=(other,)), now=NOW,
    )  # fmt: skip
    assert (found.rule, found.value, found.url) == ("preflight/open-change", "pull request #7", other.url)
    assert "#7" in found.message
    assert (
        refused(standing=Standing({}, open_changes=(OpenChange(number=7, url="", units=("infra/terraform/dev/x",)),)))
        == {}
    )
    assert "by run 7" in refused(standing=Standing({}, locks={UNIT: "by run 7"}))["preflight/locked"]


READER = """\
data "terraform_remote_state" "reports" {
  backend = "s3"
  config = {
    bucket = "state"
    key    = "tf/dev/reports.tfstate"
  }
}
locals {
  x = data.terraform_remote_state.reports.outputs.arn
}
"""
BY_NAME = 'data "aws_s3_bucket" "reports" {\n  bucket = "reports"\n}\n'
OUTPUT = 'output "arn" {\n  value = aws_s3_bucket.this.arn\n}\n'


@pytest.mark.parametrize(
    ("reader", "after", "said"),
    [
        (READER, {f"{UNIT}/outputs.tf": None}, "the output arn of infra/terraform/dev/reports"),
        (READER, {f"{UNIT}/outputs.tf": None, f"{UNIT}/main.tf": None}, "the state of infra/terraform/dev/reports"),
        (BY_NAME, {f"{UNIT}/main.tf": BUCKET.replace("reports", "other")}, "the aws_s3_bucket whose bucket is reports"),
        (READER, {f"{UNIT}/main.tf": BUCKET + "# more\n"}, ""),
        (BY_NAME, {f"{UNIT}/outputs.tf": None}, ""),
    ],
)
def test_nothing_that_other_units_need_is_taken_away(reader: str, after: dict[str, str | None], said: str) -> None:
    existing = {
        f"{UNIT}/main.tf": BUCKET,
        f"{UNIT}/outputs.tf": OUTPUT,
        "infra/terraform/prod/reader/main.tf": reader,
    }
    found = refused(change(after, max_creates=0), standing=Standing(existing))
    assert list(found) == (["preflight/dependents"] if said else [])
    if said:
        made = preflight.check(
            REQUEST, change(after, max_creates=0), intent=None, guardrails=guardrails(), settings=SETTINGS,
            standing=Standing(existing), now=NOW,
        )  # fmt: skip
        assert any(said in one.message and one.value == "infra/terraform/prod/reader" for one in made)


def test_a_module_is_not_changed_under_units_that_were_not_named() -> None:
    module = "infra/terraform/modules/pair/main.tf"
    user = 'module "x" {\n  source = "../../modules/pair"\n}\n'
    existing = {module: BUCKET, f"{UNIT}/main.tf": user, "infra/terraform/dev/other/main.tf": user}
    edit = change({module: BUCKET + "# more\n"}, max_creates=0)
    assert (
        "infra/terraform/dev/other uses a module" in refused(edit, standing=Standing(existing))["preflight/dependents"]
    )
    both = change({module: BUCKET + "# more\n"}, units=(UNIT, "infra/terraform/dev/other"), max_creates=0)
    assert refused(both, standing=Standing(existing)) == {}


def test_what_can_never_be_overridden() -> None:
    for rule in (
        "check/could-not-run",
        "terraform/moves",
        "paths/folder",
        "scope/type",
        "content/secret",
        "gate/undecided",
    ):
        assert "cannot be overridden" in preflight.never(rule), rule
    assert "Did you mean preflight/freeze?" in preflight.never("preflight/freez")
    assert "Did you mean preflight/freeze?" in preflight.never("freeze")
    assert "no rule that can be overridden" in preflight.never("x")
    assert [rule for rule in preflight.RULES if preflight.never(rule)] == []


TEXTS = st.sampled_from(
    [BUCKET, OUTPUT, READER, BY_NAME, "", "resource {", 'x = "\x00"', "# \udc00".encode("utf-8", "replace").decode()]
)
PATHS = st.sampled_from(
    [
        f"infra/terraform/{place}/{name}"
        for place in ("dev/a", "prod/b", "modules/m", "dev")
        for name in ("main.tf", "x.md")
    ]
)


@given(st.dictionaries(PATHS, TEXTS, max_size=4), st.dictionaries(PATHS, st.none() | TEXTS, max_size=4))
def test_it_never_fails_and_the_order_of_files_makes_no_difference(
    existing: dict[str, str], files: dict[str, str | None]
) -> None:
    made = change(files)
    turned = made.model_copy(update={"files": tuple(reversed(made.files))})
    assert refused(made, standing=Standing(existing)) == refused(turned, standing=Standing(existing))
