"""What the analyst says counts only where it rests on the change; what it does not say takes nothing away."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.author.analyst import Point, blocks_of, diff_of, grounded
from agent.domain import Change, ChangeSet, File, Intent, Plan, Request, UnitPlan

BEFORE = 'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n  force_destroy = false\n}\n'
AFTER = 'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n  force_destroy = true\n  acl    = "public-read"\n}\n'
PATH = "infra/terraform/dev/a/main.tf"
REQUEST = Request(
    status="accepted", trigger="label", repository="o/r", number=1, url="u", title="A bucket", body="please",
    requester="sam", actor="sam", sha256="0" * 64, base_sha="0" * 40, branch="agent/1",
)  # fmt: skip
CHANGE = ChangeSet(status="written", author="model:x", files=(File(path=PATH, content=AFTER),))
PLAN = Plan(
    units=(
        UnitPlan(
            unit="infra/terraform/dev/a",
            target="terraform",
            status="planned",
            changes=(
                Change(address="aws_s3_bucket.a", type="aws_s3_bucket", verbs=("update",)),
                Change(address="aws_s3_bucket.b", type="aws_s3_bucket", verbs=("no-op",)),
            ),
        ),
    )
)


def point(**given: Any) -> Point:
    return Point.model_validate({"topic": "security", "severity": "high", "message": "open to all", **given})


def judged(*points: Point) -> list[tuple[str, int, str]]:
    kept = grounded(points, change=CHANGE, plan=PLAN, base={PATH: BEFORE})
    return [(one.path, one.line, one.address) for one in kept]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"path": PATH, "quote": 'acl = "public-read"'}, (PATH, 4, "")),
        ({"path": PATH, "quote": '  acl    = "public-read"'}, (PATH, 4, "")),
        ({"path": PATH, "quote": "force_destroy = false"}, (PATH, 0, "")),
        ({"address": "aws_s3_bucket.a"}, ("", 0, "aws_s3_bucket.a")),
        ({"path": "gone.tf", "quote": "x", "address": "aws_s3_bucket.a"}, ("", 0, "aws_s3_bucket.a")),
    ],
)
def test_a_finding_that_rests_on_the_change_stays_with_its_place(
    given: dict[str, str], kept: tuple[str, int, str]
) -> None:
    assert judged(point(**given)) == [kept]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"path": PATH},
        {"path": PATH, "quote": ""},
        {"path": PATH, "quote": "}"},
        {"path": PATH, "quote": 'bucket = "a"'},
        {"path": PATH, "quote": "versioning = false"},
        {"path": "infra/terraform/dev/b/main.tf", "quote": 'acl = "public-read"'},
        {"address": "aws_s3_bucket.b"},
        {"address": "aws_db_instance.x"},
    ],
)
def test_L04_a_finding_that_rests_on_nothing_in_the_change_is_dropped(given: dict[str, str]) -> None:
    assert judged(point(**given)) == []


@settings(derandomize=True, max_examples=200)
@given(st.text(max_size=60), st.sampled_from([PATH, "other.tf", ""]), st.text(max_size=30))
def test_L04_whatever_is_kept_stands_in_the_change(quote: str, path: str, address: str) -> None:
    for where, line, at in judged(point(quote=quote, path=path, address=address)):
        assert at in ("", "aws_s3_bucket.a")
        if where:
            text = AFTER.splitlines()[line - 1] if line else "  force_destroy = false"
            assert " ".join(quote.split()) in " ".join(text.split())
        else:
            assert at


def test_a_finding_that_is_said_twice_counts_once() -> None:
    assert len(judged(point(address="aws_s3_bucket.a"), point(address="aws_s3_bucket.a"))) == 1


def test_what_the_analyst_reads_is_data_and_holds_no_value_of_the_plan() -> None:
    blocks = blocks_of(REQUEST, CHANGE, intent=None, plan=PLAN, findings=None, base={PATH: BEFORE})
    assert [block.label for block in blocks] == ["request", "change", "plan"]
    assert "-  force_destroy = false\n+  force_destroy = true" in diff_of(CHANGE, {PATH: BEFORE})
    assert "update aws_s3_bucket.a" in blocks[2].text
    assert "aws_s3_bucket.b" not in blocks[2].text


def test_how_it_was_understood_is_shown_with_what_was_read_and_what_was_assumed() -> None:
    intent = Intent(
        summary="A bucket", environment="dev", readings=("name reports, from 'reports'",),
        assumptions=("nobody reads it from outside",), fallback="the model refused to answer",
    )  # fmt: skip
    blocks = blocks_of(REQUEST, CHANGE, intent=intent, plan=PLAN, findings=None, base={PATH: BEFORE})
    (text,) = [block.text for block in blocks if block.label == "how it was understood"]
    for said in ("name reports, from 'reports'", "nobody reads it from outside", "the model refused to answer"):
        assert said in text


def test_a_deleted_file_is_shown_as_deleted() -> None:
    gone = ChangeSet(status="written", author="model:x", files=(File(path=PATH, content=None),))
    text = diff_of(gone, {PATH: BEFORE})
    assert text.startswith(f"--- {PATH}\n+++ nothing\n")
    assert grounded([point(path=PATH, quote="force_destroy = false")], change=gone, plan=None, base={PATH: BEFORE})
