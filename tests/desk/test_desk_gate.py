"""`infra-agent gate` and `infra-agent rules`: decisions, exit codes, formats; no tool and no repository around."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent import preflight, scope
from agent.desk.gate import gate_bundle
from agent.desk.output import gate_text, rules_text
from agent.desk.pages import DOCUMENT, list_rules, markdown
from agent.errors import UserError
from agent.gate import RULES

PROJECT = Path(__file__).parents[2]
MAIN = "infra/terraform/dev/app/main.tf"
FINE = {"files": [{"path": MAIN, "content": "locals {\n  a = 1\n}\n"}]}
BAD = {"files": [{"path": MAIN, "content": 'data "external" "x" {\n  program = ["sh"]\n}\n'}]}


def bundle(folder: Path, value: object) -> str:
    path = folder / "bundle.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("value", "word", "code"),
    [
        (FINE, "pass", 0),
        (BAD, "blocked", 1),
        ({"files": []}, "blocked", 1),
        ("", "undecided", 2),
        ("{", "undecided", 2),
        ("[]", "undecided", 2),
        ('{"files": [], "files": []}', "undecided", 2),
        ("[" * 100_000, "undecided", 2),
        ({"files": [{"path": MAIN}]}, "undecided", 2),
    ],
)
def test_a_bundle_is_decided(tmp_path: Path, value: object, word: str, code: int) -> None:
    decision = gate_bundle(bundle(tmp_path, value), root=tmp_path)
    assert (decision.word, decision.exit_code) == (word, code)
    shown = json.loads(gate_text(decision, "json"))
    assert shown["decision"] == word
    assert bool(shown["findings"]) == (word != "pass")


def test_what_cannot_be_read_is_not_decided(tmp_path: Path) -> None:
    for name in (tmp_path / "missing.json", tmp_path):
        decision = gate_bundle(str(name), root=tmp_path)
        assert (decision.word, decision.findings[0].rule) == ("undecided", "bundle/unreadable")
        assert str(name) in decision.findings[0].message
    (tmp_path / "latin.json").write_bytes(b'{"files": [{"path": "\xe9"}]}')
    assert gate_bundle(str(tmp_path / "latin.json"), root=tmp_path).exit_code == 2


def test_the_folder_s_guardrails_count_and_wrong_ones_decide_nothing(tmp_path: Path) -> None:
    name = bundle(tmp_path, {"files": [{"path": MAIN, "content": 'resource "random_pet" "x" {}\n'}]})
    assert gate_bundle(name, root=tmp_path).exit_code == 1
    (tmp_path / "policies").mkdir()
    guardrails = tmp_path / "policies" / "guardrails.yml"
    guardrails.write_text("version: 1\nenvironments: [dev]\nproviders: [hashicorp/aws, hashicorp/random]\n")
    assert gate_bundle(name, root=tmp_path).word == "pass"
    guardrails.write_text("version: 1\nenvironments: [dev]\nproviders: 7\n")
    decision = gate_bundle(name, root=tmp_path)
    assert decision.word == "undecided"
    assert "policies/guardrails.yml:3" in decision.findings[0].message


def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "gate", "-", "--format", "json"],
        input=json.dumps(BAD), capture_output=True, text=True, cwd=tmp_path, timeout=60,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/nonexistent"},
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["decision"], done.stderr) == (1, "blocked", "")


def test_text_for_a_terminal_holds_no_control_characters(tmp_path: Path) -> None:
    name = bundle(tmp_path, {"files": [{"path": "infra/\x1b[31m\n::error::x.tf", "content": "a\x1b]0;x\x07\n"}]})
    shown = gate_text(gate_bundle(name, root=tmp_path), "text")
    assert all(line.isprintable() for line in shown.splitlines())
    assert "\\x1b" in shown


def test_rules_are_listed_and_each_has_a_page() -> None:
    listed = json.loads(rules_text("", "json"))["rules"]
    assert [one["id"] for one in listed if one["stage"] == "gate"] == sorted(RULES)
    text = rules_text("", "text").splitlines()
    assert [line.split()[0] for line in text if line.startswith("  ")] == [
        *sorted(preflight.RULES), *sorted(RULES), *sorted(scope.RULES), *sorted(preflight.REVIEW_RULES),
    ]  # fmt: skip
    for rule in RULES:
        shown = rules_text(rule, "text")
        assert shown.startswith(f"{rule}: ")
        assert "Blocked, for example:" in shown
        assert "Fine, for example:" in shown
        assert json.loads(rules_text(rule, "json"))["fires"]


def test_each_rule_says_who_can_lift_it() -> None:
    lifted = {one["id"]: (one["waivable"], one["lifted_by"]) for one in list_rules()}
    assert set(lifted) == {*preflight.RULES, *RULES, *scope.RULES, *preflight.REVIEW_RULES}
    for rule in (*preflight.RULES, *preflight.REVIEW_RULES):
        assert not preflight.never(rule)
        assert "/agent override" in lifted[rule][1]
        assert lifted[rule][1] in rules_text(rule, "text")
    for rule in scope.RULES:  # `/agent override` refuses these
        assert preflight.never(rule)
        assert "override" not in lifted[rule][1]
    assert "/agent approve-destroy" in lifted[scope.STATEFUL][1]
    for rule, one in RULES.items():
        assert lifted[rule][0] is one.waivable
        assert lifted[rule][1].startswith("a waiver" if one.waivable else "nobody")


def test_a_rule_that_is_not_there_is_named_with_near_ones() -> None:
    with pytest.raises(UserError, match=r"provisioner: no such rule; did you mean plan/provisioner, terraform/prov"):
        rules_text("provisioner", "text")


def test_the_document_is_current() -> None:
    written = (PROJECT / DOCUMENT).read_text(encoding="utf-8")
    assert written == markdown(), f"run: infra-agent rules --markdown > {DOCUMENT}"


def test_the_document_shows_hidden_characters_as_escapes() -> None:
    assert all(line.isprintable() for line in markdown().splitlines())
    assert max(len(line) for line in markdown().splitlines()) < 2000
