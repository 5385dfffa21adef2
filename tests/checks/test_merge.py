"""Findings of many tools become one list: the same fact once, the most serious first."""

from hypothesis import given
from hypothesis import strategies as st

from agent.checks.merge import merge
from agent.checks.severity import ORDER, Severities
from agent.domain import Finding, Severity

NONE = Severities(version=1)
SAME = Severities(version=1, same=(("secrets:aws-key", "checkov:CKV_SECRET_2"), ("rego:tls", "checkov:CKV_AWS_2")))


def finding(source: str, rule: str, severity: Severity = "medium", line: int = 1, path: str = "main.tf") -> Finding:
    return Finding(source=source, rule=rule, severity=severity, message=f"{rule} says no", path=path, line=line)


def test_the_most_serious_comes_first() -> None:
    findings = [
        finding("a", "r", "low"),
        finding("b", "r", "critical", path="z.tf"),
        finding("b", "r", "critical", line=9, path="a.tf"),
        finding("b", "r", "critical", line=2, path="a.tf"),
    ]
    assert [(item.severity, item.path, item.line) for item in merge(findings, severities=NONE)] == [
        ("critical", "a.tf", 2),
        ("critical", "a.tf", 9),
        ("critical", "z.tf", 1),
        ("low", "main.tf", 1),
    ]


def test_the_same_finding_twice_is_one() -> None:
    assert len(merge([finding("checkov", "X"), finding("checkov", "X")], severities=NONE)) == 1


def test_the_same_fact_of_two_tools_is_one_with_the_higher_severity() -> None:
    (one,) = merge([finding("checkov", "CKV_SECRET_2", "critical"), finding("secrets", "aws-key")], severities=SAME)
    assert (one.source, one.rule, one.severity) == ("secrets", "aws-key", "critical")
    assert one.message == "aws-key says no (also checkov CKV_SECRET_2)"


def test_it_is_two_facts_on_another_line_or_without_a_group() -> None:
    assert len(merge([finding("checkov", "CKV_SECRET_2"), finding("secrets", "aws-key", line=2)], severities=SAME)) == 2
    assert len(merge([finding("checkov", "CKV_AWS_2"), finding("secrets", "aws-key")], severities=SAME)) == 2
    assert len(merge([finding("checkov", "CKV_SECRET_2"), finding("secrets", "aws-key")], severities=NONE)) == 2


def test_a_plan_or_a_file_as_a_whole_can_hold_a_fact_twice() -> None:
    """Without a line, only the same address says that two tools speak of the same resource."""
    both = [finding("checkov", "CKV_AWS_2", line=0), finding("rego", "tls", line=0)]
    assert len(merge(both, severities=SAME)) == 2
    at = [item.model_copy(update={"address": "aws_lb.a"}) for item in both]
    assert len(merge(at, severities=SAME)) == 1
    other = [at[0], at[0].model_copy(update={"address": "aws_lb.b"})]
    assert {item.address for item in merge(other, severities=SAME)} == {"aws_lb.a", "aws_lb.b"}
    assert len(merge(other, severities=NONE)) == 2


NAMES = st.sampled_from(["secrets:aws-key", "checkov:CKV_SECRET_2", "checkov:CKV_AWS_2", "rego:tls", "x:y"])
SOME = st.builds(
    lambda name, severity, line: finding(name.split(":")[0], name.split(":")[1], severity, line),
    NAMES,
    st.sampled_from(ORDER),
    st.integers(0, 2),
)


@given(st.lists(SOME, max_size=12))
def test_order_of_arrival_makes_no_difference_and_nothing_gets_milder(findings: list[Finding]) -> None:
    merged = merge(findings, severities=SAME)
    assert merge(findings[::-1], severities=SAME) == merged
    assert merge(findings[1::2] + findings[::2], severities=SAME) == merged
    assert merge(merged, severities=SAME) == merged
    assert max((ORDER.index(item.severity) for item in findings), default=0) == max(
        (ORDER.index(item.severity) for item in merged), default=0
    )
    for item in findings:
        assert any(f"{item.source} {item.rule}" in f"{one.source} {one.rule} {one.message}" for one in merged)
