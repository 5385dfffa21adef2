"""What a draft may not touch, what it must bring along, and the contract that is read off it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.author.draft import RULES, blocks_of, environment_of, fits, problems, scope_of
from agent.domain import Action, File, Intent

UNIT = "infra/terraform/dev/reports"
MAIN = f"{UNIT}/main.tf"
STANDING = """# Reports of the team.
resource "aws_s3_bucket" "this" {
  bucket = "reports" # never rename
}

# Asked for by the auditors.
resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

variable "size" {
  type        = number
  description = "Size."
}
"""
BASE = {
    MAIN: STANDING,
    f"{UNIT}/README.md": "# Reports\n",
    f"{UNIT}/outputs.tf": "",
    "infra/terraform/dev/b/main.tf": "",
}
VERSIONING = "resource.aws_s3_bucket_versioning.this"


def intent(*verbs: str, types: tuple[str, ...] = ("aws_s3_bucket",), unit: str = UNIT) -> Intent:
    actions = tuple(Action.model_validate({"verb": verb, "resource": "aws_s3_bucket"}) for verb in verbs or ("update",))
    return Intent(summary="s", actions=actions, environment="dev", units=(unit,), types=types)


def rules(text: str | None, *named: str, asked: Intent | None = None, path: str = MAIN) -> list[str]:
    found = problems(
        [File(path=path, content=text)], base=BASE, intent=asked or intent(), edits={path: named}, rollback="Revert it."
    )
    return [one.rule for one in found]


def test_an_edit_of_the_named_block_alone_is_fine() -> None:
    assert rules(STANDING.replace('"Enabled"', '"Suspended"'), VERSIONING) == []


def test_a_new_block_beside_the_others_is_fine() -> None:
    more = STANDING + '\n# New.\nresource "aws_s3_bucket_logging" "this" {\n  bucket = aws_s3_bucket.this.id\n}\n'
    assert rules(more) == []


@pytest.mark.parametrize(
    ("before", "after", "named", "rule"),
    [
        ('"Enabled"', '"Suspended"', (), "draft/unrelated"),
        ('"reports" #', '"other" #', (VERSIONING,), "draft/unrelated"),
        ("  bucket = aws_s3_bucket.this.id\n", "  bucket  =  aws_s3_bucket.this.id\n", (), "draft/layout"),
        ("# Asked for by the auditors.\n", "", (VERSIONING,), "draft/comment"),
        (" # never rename", "", ("resource.aws_s3_bucket.this",), "draft/comment"),
        ("# Reports of the team.", "# Reports.", ("resource.aws_s3_bucket.this",), "draft/comment"),
        ("\n", "\r\n", (), "draft/layout"),
    ],
)
def test_what_stands_is_kept(before: str, after: str, named: tuple[str, ...], rule: str) -> None:
    assert rule in rules(STANDING.replace(before, after), *named)


def test_blocks_keep_their_order() -> None:
    places = blocks_of(STANDING)
    turned = "\n\n".join(place.text for place in reversed(places.values())) + "\n"
    assert rules(turned) == ["draft/layout"]


def test_a_block_is_taken_away_only_when_something_is_to_be_deleted() -> None:
    without = re.sub(r"# Asked for.*?^}\n\n", "", STANDING, flags=re.DOTALL | re.MULTILINE)
    assert "draft/delete" in rules(without, VERSIONING)
    assert "draft/unrelated" in rules(without)
    assert rules(without, VERSIONING, asked=intent("delete")) == []
    # Not by taking the file away either, and not by another file of the unit.
    assert "draft/delete" in rules(None)
    assert rules(None, asked=intent("delete")) == []


def test_I23_what_nobody_asked_for_is_of_a_type_that_is_left_out() -> None:
    more = STANDING + '\nresource "aws_security_group" "open" {\n}\n'
    assert rules(more) == ["draft/type"]
    assert rules(more, asked=intent(types=("aws_s3_bucket", "aws_security_group"))) == []
    # Nor does the contract take it up, so that the plan is stopped by it.
    made = scope_of([File(path=MAIN, content=more)], base=BASE, intent=intent(), most=100)
    assert "aws_security_group" not in made.types


def test_a_draft_stays_in_its_units_and_leaves_the_pipelines_files() -> None:
    assert "draft/place" in rules("", path="infra/terraform/dev/b/main.tf")
    assert "draft/place" in rules("", path="policies/guardrails.yml")
    assert "draft/trusted" in rules("", path=f"{UNIT}/terraform.tf")
    assert rules(STANDING) == ["draft/nothing"]


def test_a_new_unit_brings_its_readme_and_outputs_and_a_way_back() -> None:
    unit = "infra/terraform/dev/new"
    code = File(path=f"{unit}/main.tf", content='resource "aws_s3_bucket" "this" {\n}\n')
    asked = intent("create", unit=unit)
    found = problems([code], base={}, intent=asked, edits={}, rollback=" ")
    assert [one.rule for one in found] == ["draft/rollback", "draft/readme", "draft/outputs"]
    more = [
        code,
        File(path=f"{unit}/README.md", content="# New\n"),
        File(path=f"{unit}/outputs.tf", content='output "a" {\n  value = 1\n}\n'),
        File(path=f"{unit}/variables.tf", content='variable "a" {\n  type = string\n}\n'),
    ]
    found = problems(more, base={}, intent=asked, edits={}, rollback="Revert.")
    assert [(one.rule, one.path.rpartition("/")[2]) for one in found] == [
        ("draft/described", "outputs.tf"),
        ("draft/described", "variables.tf"),
    ]


def test_yaml_keeps_its_comments_too() -> None:
    path = "infra/ansible/web/playbook.yml"
    asked = Intent(summary="s", target="ansible", units=("infra/ansible/web",))
    base = {path: "# Who may change this: ops\n- hosts: web # all of them\n"}

    def found(text: str) -> list[str]:
        files = [File(path=path, content=text)]
        return [one.rule for one in problems(files, base=base, intent=asked, edits={}, rollback="x")]

    assert found("# Who may change this: ops\n- hosts: db # all of them\n") == []
    assert found("- hosts: db\n") == ["draft/comment"]
    assert found("# Who may change this: ops\n-  hosts: web # all of them\n") == ["draft/layout"]


def test_the_contract_is_what_the_code_does() -> None:
    more = STANDING.replace('"Enabled"', '"Suspended"') + (
        '\nresource "aws_s3_bucket_logging" "this" {\n  for_each = toset(["a", "b"])\n}\n'
        '\nresource "aws_s3_bucket_policy" "this" {\n  count = var.size\n}\n'
        '\ndata "aws_iam_policy_document" "this" {\n}\n'
    )
    made = scope_of([File(path=MAIN, content=more)], base=BASE, intent=intent(), most=40)
    assert made.types == {
        "aws_iam_policy_document": ("read",),
        "aws_s3_bucket_logging": ("create",),
        "aws_s3_bucket_policy": ("create",),
        "aws_s3_bucket_versioning": ("update",),
    }
    assert (made.max_creates, made.max_destroys, made.environment, made.units) == (40, 0, "dev", (UNIT,))
    without = scope_of([File(path=MAIN, content="")], base=BASE, intent=intent(), most=40)
    assert (without.types, without.max_destroys) == ({}, 0)
    asked = scope_of([File(path=MAIN, content="")], base=BASE, intent=intent("delete"), most=40)
    assert (asked.types["aws_s3_bucket"], asked.max_destroys) == (("delete",), 2)


def test_a_variable_that_changes_may_reach_every_resource_of_its_unit() -> None:
    text = STANDING.replace('description = "Size."', 'description = "Size."\n  default     = 3')
    made = scope_of([File(path=MAIN, content=text)], base=BASE, intent=intent(), most=40)
    assert made.types == {"aws_s3_bucket": ("update",), "aws_s3_bucket_versioning": ("update",)}
    assert made.max_creates == 0


def test_units_and_types_are_read_as_they_are_written() -> None:
    assert environment_of("infra/terraform/dev/x", "terraform") == "dev"
    assert environment_of("infra/terraform/modules/x", "terraform") is None
    assert environment_of("infra/ansible/web", "ansible") == ""
    assert environment_of("infra/kubernetes/dev/../x", "kubernetes") is None
    assert fits("aws_s3_bucket_policy", ["aws_s3_bucket"])
    assert not fits("aws_s3_bucketx", ["aws_s3_bucket"])


@settings(derandomize=True, max_examples=150)
@given(st.text(alphabet='ab{}"=#\n resouc/', max_size=120))
def test_any_text_is_judged_with_rules_of_ours_alone(text: str) -> None:
    files = [File(path=MAIN, content=text)]
    found = problems(files, base=BASE, intent=intent(), edits={}, rollback="")
    assert {one.rule for one in found} <= set(RULES)
    assert all(one.message == RULES[one.rule] for one in found)
    assert scope_of(files, base=BASE, intent=intent(), most=9).max_creates <= 9
