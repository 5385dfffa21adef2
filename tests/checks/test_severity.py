"""Severities: the table of the default branch, patterns, and the one that is shipped."""

from pathlib import Path

import pytest

from agent.checks.severity import SEVERITY_PATH, Severities, ToolSeverities, load_severities
from agent.errors import UserError
from tests.checks.samples import HERE

TABLE = Severities(
    version=1,
    tools={"checkov": ToolSeverities(default="low", rules={"CKV_AWS_1": "critical", "CKV_SECRET_*": "high"})},
)


def test_who_is_asked_in_which_order() -> None:
    assert TABLE.of("checkov", "CKV_AWS_1", own="low") == "critical"
    assert TABLE.of("checkov", "CKV_SECRET_2") == "high"
    assert TABLE.of("checkov", "CKV_AWS_2", own="high") == "high"
    assert TABLE.of("checkov", "CKV_AWS_2") == "low"
    assert TABLE.of("unknown", "x", own="high") == "high"
    assert TABLE.of("unknown", "x") == "medium"


def test_no_file_is_medium_for_all(tmp_path: Path) -> None:
    assert load_severities(tmp_path).of("checkov", "CKV_AWS_1") == "medium"


def test_the_shipped_table() -> None:
    shipped = load_severities(HERE)
    assert shipped.of("checkov", "CKV_AWS_20") == "critical"
    assert shipped.of("checkov", "CKV_AWS_24") == "high"
    assert shipped.of("checkov", "CKV2_AWS_62") == "low"
    assert shipped.of("terraform", "fmt/layout", own="low") == "low"
    assert shipped.of("yamllint", "truthy", own="low") == "low"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\ntools:\n  checkov:\n    default: bad\n", f"{SEVERITY_PATH}:4: tools.checkov.default: .*'bad'"),
        ("version: 2\n", f"{SEVERITY_PATH}:1: version: "),
        ("tools: 1\n", f"{SEVERITY_PATH}:1: "),
        ("[]\n", f"{SEVERITY_PATH}:1: must be a mapping"),
    ],
)
def test_a_wrong_table_is_refused_at_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / SEVERITY_PATH).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_severities(tmp_path)
