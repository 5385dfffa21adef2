"""Findings on a draft -> what its author is told: rule, place and a text of ours, never what a tool printed. Pure.

The messages of tools can hold what a request, a file or a module wrote; an author that reads them can be led by them.
So a rule that is not known here is told as one that is not.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from agent.author.draft import RULES, blocks_of
from agent.checks.check import COULD_NOT_RUN
from agent.domain import File, Finding
from agent.gate import RULES as GATE
from agent.models.data import Block

MOST = 60
LONGEST_LINE = 200
UNKNOWN = "the tool refuses what stands here; hold it against the schema, the references and the layout"
# Terraform's own summaries as rules (`validate/…`, `init/…`) and what each asks for.
TERRAFORM: Mapping[str, str] = {
    "unsupported-argument": "the schema has no argument of this name here; use exactly those of the schema",
    "unsupported-block-type": "the schema has no block of this name here; it may be an argument, or belong elsewhere",
    "missing-required-argument": "a required argument is missing in this block; add every required one of the schema",
    "unsupported-attribute": "what is referred to has no such attribute; use one of the schema",
    "invalid-resource-type": "the provider has no resource of this type; look for the right name",
    "invalid-data-source": "the provider has no data source of this type; look for the right name",
    "incorrect-attribute-value-type": "the value is of another type than the schema asks for",
    "invalid-value-for-variable": "the value does not meet the variable's own condition or type",
    "reference-to-undeclared-resource": "what is referred to is declared nowhere in this unit",
    "reference-to-undeclared-input-variable": "the variable is declared nowhere in this unit",
    "reference-to-undeclared-local-value": "the local value is declared nowhere in this unit",
    "reference-to-undeclared-module": "the module is called nowhere in this unit",
    "invalid-reference": "this is no reference; a resource is named by its type and its name",
    "missing-resource-instance-key": "what is referred to has several instances; name one by its key or index",
    "argument-or-block-definition-required": "the syntax is wrong: an argument or a block is expected",
    "missing-newline-after-argument": "the syntax is wrong: an argument ends with its line",
    "missing-attribute-separator": "the syntax is wrong: a comma or a new line is missing between two attributes",
    "invalid-expression": "the syntax is wrong: this is no expression",
    "invalid-block-definition": "the syntax is wrong: this is no block",
    "unclosed-configuration-block": "the syntax is wrong: a closing brace is missing",
    "invalid-character": "the syntax is wrong: a character that cannot stand here",
    "attribute-redefined": "the argument is set twice",
    "call-to-unknown-function": "there is no such function",
    "not-enough-function-arguments": "the function takes more arguments",
    "too-many-function-arguments": "the function takes fewer arguments",
    "invalid-function-argument": "an argument of the function is of the wrong type or value",
    "duplicate-variable-declaration": "the variable is declared twice in this unit",
    "duplicate-output-definition": "the output is declared twice in this unit",
    "duplicate-local-value-definition": "the local value is declared twice in this unit",
    "duplicate-required-providers-configuration": "the pipeline names the providers; leave this block out",
    "duplicate-provider-configuration": "the pipeline configures the provider; leave this block out",
    "conflicting-configuration-arguments": "two arguments that exclude each other are set; keep one",
    "invalid-combination-of-arguments": "exactly one of several arguments has to be set; look into the schema",
    "self-referential-block": "a block cannot refer to itself",
    "module-not-found": "there is no such module; look at the units and modules that stand",
    "unreadable-module-directory": "there is no such module folder; look at the modules that stand",
    "missing-required-provider": "the provider is not one of the settings; use those alone",
    "failed-to-query-available-provider-packages": "the provider is not one of the settings; use those alone",
    "inconsistent-dependency-lock-file": "the provider is not one of the settings; use those alone",
}
FAMILIES: Mapping[str, str] = {
    "insufficient-": "a block that is required is missing here; the schema says how often it may stand",
    "too-many-": "a block stands more often than the schema allows",
    "duplicate-resource-": "a resource of this type and name is declared twice in this unit",
    "expected-": "the value is none of those that the schema allows",
    "invalid-": "the value or the reference is none that can stand here",
    "missing-": "something that is required is missing here",
    "cycle": "resources depend on each other in a circle; take one reference out",
}
LAYOUT: Mapping[str, str] = {
    "fmt/layout": "lay the file out as `terraform fmt` does: two spaces a level, equals signs of a group below each "
    "other, one empty line between blocks",
    "fmt/unreadable": "the file is no HCL that can be read",
    "probes/invalid": "probes.yaml is not of its form; show-blueprint shows one that is",
}
KUBERNETES: Mapping[str, str] = {
    "schema/invalid": "a field is not of the kind's schema, or a required one is missing; ask for the kind",
    "schema/unknown-kind": "there is no such apiVersion and kind; ask for the kind",
    "schema/not-a-manifest": "a manifest says its apiVersion and its kind",
    "schema/unreadable": "this is no YAML that can be read",
    "build/unused": "no kustomization that is built uses the file; name it in one, or leave it out",
}
_NAMED = re.compile(r'The argument "([a-z][a-z0-9_]{0,63})" is required')
_PLAIN_RULE = re.compile(r"[a-z][a-z0-9-]{0,40}(\[[a-z0-9_-]{1,40}\])?")


def told(finding: Finding, *, schemas: Mapping[str, str] = {}) -> tuple[str, str]:
    """The rule's id and the fixed text for it. An argument is named only when one of `schemas` has it."""
    family, _, name = finding.rule.partition("/")
    if finding.source == "draft" and finding.rule in RULES:
        return finding.rule, RULES[finding.rule]
    if finding.source in ("gate", "kubernetes") and finding.rule in GATE:
        return finding.rule, GATE[finding.rule].reason
    if finding.rule in LAYOUT:
        return finding.rule, LAYOUT[finding.rule]
    if finding.source == "terraform" and family in ("validate", "init"):
        if name in TERRAFORM:
            return finding.rule, TERRAFORM[name] + _argument(finding, schemas)
        for start, text in FAMILIES.items():
            if name.startswith(start):
                return f"{family}/{start.strip('-')}", text
        return f"{family}/other", UNKNOWN
    if finding.source == "kubernetes" and finding.rule in KUBERNETES:
        return f"kubernetes/{name}", KUBERNETES[finding.rule]
    if finding.source in ("yamllint", "ansible-lint", "kubernetes") and _PLAIN_RULE.fullmatch(name or family):
        return f"{finding.source}/{name or family}", f"breaks this rule of {finding.source}"
    return f"{finding.source if _PLAIN_RULE.fullmatch(finding.source) else 'tool'}/other", UNKNOWN


def feedback(findings: Sequence[Finding], files: Sequence[File], *, schemas: Mapping[str, str] = {}) -> Block:
    """What the author has to mend, one place a line, with that line of its own draft below it."""
    texts = {file.path: file.content or "" for file in files}
    lines: list[str] = []
    for finding in findings[:MOST]:
        rule, text = told(finding, schemas=schemas)
        # A path that is none of the draft's own is named by nobody else's word.
        path = finding.path if _known(finding.path, texts) else "(the whole change)"
        lines.append(f"- {path}{f':{finding.line}' if finding.line else ''} {rule}: {text}")
        if finding.line and not finding.rule.startswith("content/"):
            shown = texts.get(finding.path, "").splitlines()[finding.line - 1 : finding.line]
            lines += [f"    {line[:LONGEST_LINE]}" for line in shown]
    if len(findings) > MOST:
        lines.append(f"- and {len(findings) - MOST} more; mend these first")
    return Block(label="findings on your draft", text="\n".join(lines), most=20_000)


def types_at(findings: Iterable[Finding], files: Sequence[File]) -> tuple[str, ...]:
    """The resource types in whose blocks findings stand: their schemas are worth another look."""
    found: dict[str, None] = {}
    for file in files:
        lines = [one.line for one in findings if one.path == file.path and one.line and one.source == "terraform"]
        if not lines or not file.path.endswith(".tf"):
            continue
        for name, place in blocks_of(file.content or "").items():
            end = place.line + place.text.count("\n")
            kind, _, rest = name.partition(".")
            if kind in ("resource", "data") and any(place.line <= line <= end for line in lines):
                found.setdefault(rest.split(".")[0])
    return tuple(found)


def broken(findings: Iterable[Finding]) -> bool:
    """Whether a check could not run, so that no author can mend what it would say."""
    return any(one.rule == COULD_NOT_RUN for one in findings)


def _known(path: str, texts: Mapping[str, str]) -> bool:
    return path in texts or any(one.startswith(f"{path}/") for one in texts) if path else False


def _argument(finding: Finding, schemas: Mapping[str, str]) -> str:
    match = _NAMED.search(finding.message)
    if match is None or not any(re.search(rf"\b{match[1]}\b", schema) for schema in schemas.values()):
        return ""
    return f" (here: {match[1]})"
