"""A change's files -> findings about what may never be written. Pure and total: no disk, no network, no tools."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from agent.domain import File, Finding
from agent.gate import ansible, bundle, content, kubernetes, paths, terraform, terraform_plan
from agent.gate.bundle import Bundle, ChangeUnderTest, parse_bundle
from agent.gate.content import Text
from agent.gate.kubernetes import UNDECIDED, undecided
from agent.gate.kubernetes_template import TEMPLATES
from agent.gate.rules import Rule
from agent.gate.terraform_plan import examine_plan
from agent.guardrails import Guardrails

__all__ = ["RULES", "UNDECIDED", "Bundle", "Rule", "decide", "examine", "examine_plan", "parse_bundle", "undecided"]

_EVERY: tuple[Rule[Any], ...] = (
    *bundle.RULES,
    *paths.RULES,
    *content.RULES,
    *terraform.RULES,
    terraform.UNREAD,
    *terraform_plan.RULES,
    *ansible.RULES,
    *kubernetes.RULES,
    kubernetes.NAMESPACES,
    TEMPLATES,
)
RULES: Mapping[str, Rule[Any]] = {rule.id: rule for rule in _EVERY}


def examine(
    files: Sequence[File],
    *,
    guardrails: Guardrails,
    base: Mapping[str, str] | None = None,
    trusted: Mapping[str, str] | None = None,
    waived: Collection[tuple[str, str]] = (),
) -> tuple[Finding, ...]:
    """Everything that the gate has against `files`, all critical, in the order of path and line. Never raises.

    `base` is the tree that the change is made on (path -> content), so that a module is judged as a whole and a
    removed safeguard is seen; None when it is not known. `trusted` is what the pipeline itself would write
    (path -> content): a file with exactly that content passes unread. `waived` are pairs of a rule (or of a check that
    a suppression comment names) and a path, in which `*` stands for any text; they come from the default branch.
    """
    own = dict(trusted or {})
    judged = [file for file in files if file.content is None or own.get(file.path) != file.content]
    change = ChangeUnderTest(judged if judged or not files else files, guardrails, own)
    found: list[Finding] = []
    for shape in bundle.RULES:
        found += shape.findings(change)
    most, size = guardrails.limits.max_files, guardrails.limits.max_file_bytes
    for file in judged[:most]:
        for rule in paths.RULES:
            found += rule.findings(file.path)
        if file.content is not None and len(file.content) <= size:
            text = Text(file.path, file.content)
            for text_rule in content.RULES:
                found += text_rule.findings(text)
    readable = [file for file in judged if file.content is None or len(file.content) <= size][:most]
    found += terraform.examine_terraform(readable, base=base, trusted=own, guardrails=guardrails)
    found += ansible.examine_ansible(readable, base=base)
    found += kubernetes.examine_kubernetes(readable, base=base, guardrails=guardrails)
    return tuple(sorted(_not_waived(found, waived), key=lambda item: (item.path, item.line, item.rule, item.message)))


def decide(findings: Iterable[Finding]) -> int:
    """The exit code of `infra-agent gate`: 0 pass, 1 blocked, 2 could not decide."""
    rules = {item.rule for item in findings}
    if not rules:
        return 0
    return 2 if rules <= {"bundle/unreadable", UNDECIDED} else 1


def _not_waived(findings: Iterable[Finding], waived: Collection[tuple[str, str]]) -> list[Finding]:
    kept = []
    for item in findings:
        rule = RULES.get(item.rule)
        named = content.NAMED_CHECK.findall(item.message) if item.rule == "content/suppression" else []
        waivers = {name for name, pattern in waived if fnmatchcase(item.path, pattern)}
        allowed = item.rule in waivers or (named and waivers.issuperset(named))
        if rule is None or not rule.waivable or not allowed:
            kept.append(item)
    return kept
