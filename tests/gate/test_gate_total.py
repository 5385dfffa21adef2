"""The gate answers for any input: it raises nothing, decides, takes time in proportion, and fails closed."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain import File, Finding
from agent.gate import decide, examine, examine_plan, parse_bundle
from agent.gate.ansible_jinja import problems
from agent.gate.bundle import MAX_BUNDLE_BYTES
from agent.guardrails import Guardrails, Limits
from tests.gate.gate_helpers import GUARDRAILS, MAIN, UNIT, files

HOMES = (
    "infra/terraform/dev/app/main.tf",
    "infra/terraform/dev/app/x.tftpl",
    "infra/ansible/web/site.yml",
    "infra/ansible/web/t.j2",
    "infra/ansible/web/hosts",
    "infra/kubernetes/dev/app/a.yaml",
    "infra/kubernetes/dev/app/kustomization.yaml",
    "x/y",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["files", "path", "content", "mode", "a"]), inner, max_size=4)
    ),
    max_leaves=20,
)
PIECES = [*"{}[]()\"'\\$%~<>EOT:=,-&*!|#\n\t \u2028é\u202e", "{{", "}}", "- ", ": ", "<<: *", "kind: ", "lookup", "{%"]
ODD = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(HOMES) | st.text(max_size=40), content=st.none() | st.text(max_size=200) | ODD)
def test_any_file(path: str, content: str | None) -> None:
    found = examine([File(path=path, content=content)], guardrails=GUARDRAILS, base={MAIN: "locals {}\n", path: "x"})
    assert all(isinstance(item, Finding) and item.severity == "critical" for item in found)
    assert decide(found) in {0, 1}


@settings(max_examples=200, deadline=None)
@given(JSON.map(lambda value: json.dumps(value, ensure_ascii=True)) | st.text(max_size=200) | st.binary(max_size=200))
def test_any_bundle(text: str | bytes) -> None:
    read = parse_bundle(text)
    for file in read.files:
        assert isinstance(file, File)
    assert read.files or read.findings or decide(examine(read.files, guardrails=GUARDRAILS)) == 1


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_plan(value: object) -> None:
    names = ("configuration", "resource_changes", "format_version", "deferred_changes")
    for plan in (
        dict.fromkeys(names, value),
        {"format_version": "1.2", "resource_changes": [value], "configuration": {"root_module": value}},
    ):
        assert examine_plan(plan, guardrails=GUARDRAILS)


@given(ODD)
def test_any_jinja(text: str) -> None:
    list(problems(text))
    list(problems(text, expression=True))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 2),
        ("null", 2),
        ("{", 2),
        ('{"files": []}', 1),
        ('{"files": {}}', 2),
        ('{"files": [], "x": 1}', 2),
        ('{"files": [1]}', 2),
        ('{"files": [{"path": "a"}]}', 2),
        ('{"files": [{"path": "a", "content": 1}]}', 2),
        ('{"files": [{"path": "a", "content": "", "x": 1}]}', 2),
        ('{"files": [{"path": "a", "path": "b", "content": ""}]}', 2),
        ('{"files": [{"path": "a", "content": NaN}]}', 2),
        ('{"files": [{"path": "a", "content": ""}]}', 1),
        ('{"files": [{"path": "infra/terraform/dev/app/main.tf", "content": "locals {}\\n"}]}', 0),
        ('{"files": [{"path": "infra/terraform/dev/app/main.tf", "content": null}]}', 0),
        ('{"files": [{"path": "infra/terraform/dev/app/main.tf", "content": "", "mode": "120000"}]}', 1),
    ],
)
def test_codes(text: str, code: int) -> None:
    read = parse_bundle(text)
    found = read.findings if read.findings else examine(read.files, guardrails=GUARDRAILS)
    assert decide(found) == code


def test_a_bundle_over_the_limit() -> None:
    assert decide(parse_bundle(" " * (MAX_BUNDLE_BYTES + 1)).findings) == 2


def test_trusted_files_pass_only_unchanged() -> None:
    own = {f"{UNIT}/terraform.tf": 'terraform {\n  backend "s3" {}\n}\n', f"{UNIT}/.terraform.lock.hcl": "# lock\n"}
    assert examine(files({**own, MAIN: "locals {}\n"}), guardrails=GUARDRAILS, trusted=own) == ()
    assert examine(files(own), guardrails=GUARDRAILS) != ()
    changed = {**own, f"{UNIT}/terraform.tf": own[f"{UNIT}/terraform.tf"] + " "}
    assert {item.rule for item in examine(files(changed), guardrails=GUARDRAILS, trusted=own)} >= {
        "paths/reserved",
        "terraform/settings",
    }


def test_waivers() -> None:
    bundle = files({MAIN: "#checkov:skip=CKV_AWS_18\n#checkov:skip=CKV_AWS_19\n"})

    def lines(*waived: tuple[str, str]) -> list[int]:
        return [item.line for item in examine(bundle, guardrails=GUARDRAILS, waived=waived)]

    assert lines() == [1, 2]
    assert lines(("CKV_AWS_18", MAIN)) == [2]
    assert lines(("CKV_AWS_18", f"{UNIT}/other.tf")) == [1, 2]
    assert lines(("content/suppression", MAIN)) == []
    both = files({MAIN: "#checkov:skip=CKV_AWS_18,CKV_AWS_19\n"})
    assert examine(both, guardrails=GUARDRAILS, waived=[("CKV_AWS_18", MAIN)]) != ()
    assert examine(files({"x/y.tf": ""}), guardrails=GUARDRAILS, waived=[("paths/folder", "x/y.tf")]) != ()


def test_no_control_characters_in_messages() -> None:
    for item in examine(files({"a\n\x1b[31mb/\u202ec": "x"}), guardrails=GUARDRAILS):
        assert (item.message + item.path).isprintable()


REPEATED = [
    "curl ",
    "noqa ",
    "\n",
    " ",
    "a=",
    '"',
    "${",
    "{{ ",
    "wget x | ",
    "- ",
    "password: 'abcdefg'\n",
    "/* ",
    "AKIA",
    "eyJ",
    "QUJD" * 6 + " ",
    "rsync x ",
    "postgres://a:",
    "secret key = ",
    "[",
    "aws aws ",
    "\\u0041",
    "#jinja2:",
    "<<E\n",
    "&a ",
    "*a ",
    "!x ",
]


@pytest.mark.parametrize("piece", REPEATED)
def test_time_is_in_proportion(piece: str) -> None:
    """200 kB of anything takes seconds at most, wherever it stands."""
    content = (piece * (200_000 // len(piece) + 1))[:200_000]
    for path in ("infra/terraform/dev/app/main.tf", "infra/ansible/web/site.yml", "infra/kubernetes/dev/app/a.yaml"):
        started = time.process_time()
        examine([File(path=path, content=content)], guardrails=GUARDRAILS)
        assert time.process_time() - started < 4, path


@pytest.mark.slow
def test_a_thousand_files_of_a_hundred_lines() -> None:
    name = '  name = "${var.a}-b"\n'
    body = name + '  tags = merge(local.tags, { A = "b" })\n\n  lifecycle {\n    ignore_changes = [a]\n  }\n'
    content = "".join(f'resource "aws_sqs_queue" "q{number}" {{\n{body}}}\n\n' for number in range(11))
    limits = Limits(max_files=1000)
    seconds = {}
    for count in (250, 1000):
        change = [File(path=f"infra/terraform/dev/app-{number}/main.tf", content=content) for number in range(count)]
        started = time.process_time()
        assert examine(change, guardrails=GUARDRAILS.model_copy(update={"limits": limits})) == ()
        seconds[count] = time.process_time() - started
    assert seconds[1000] < 30
    assert seconds[1000] < 8 * max(seconds[250], 0.1)


def test_guardrails_without_providers_allow_none() -> None:
    nobody = Guardrails(version=1, environments=("dev",), providers=())
    assert examine(files({MAIN: 'resource "aws_sqs_queue" "q" {}\n'}), guardrails=nobody) != ()
