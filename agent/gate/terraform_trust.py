"""Terraform module -> findings: roles that code lets anybody take, before a plan is made. Pure.

A plan shows a trust policy only where all of it is known; what names a provider that the same change makes is not.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from agent.gate.hcl import Block, Body, Node, root_name, walk
from agent.gate.iam_policy import UNKNOWN, is_trust, statements, trusts
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_module import Module, Source, effective_kind, path_inside

DOCUMENT = "aws_iam_policy_document"
READERS = frozenset({"file", "templatefile"})
# What makes a text of pieces, so that nobody can say here what becomes of it.
BUILDERS = frozenset({
    "replace", "format", "join", "strrev", "regex", "substr", "trimprefix", "trimsuffix", "trim", "base64decode",
    "urldecode", "textdecodebase64", "base64gunzip", "title", "upper", "lower", "formatlist", "regexall",
})  # fmt: skip
# A reference where JSON has a value, and the character by which unknown text is marked, spelled out.
BARE = re.compile(rf"([:\[,]\s*)({UNKNOWN}[^{UNKNOWN}]*{UNKNOWN})(?=\s*[,\]}}])")
FORGED = re.compile(r"(?i)\\ue000|\ue000")
INTERPOLATION = re.compile(r"\$\{[^{}\"]*\}")


def trust(module: Module) -> Iterator[Hit]:
    """A role's trust policy says who may assume it: not anybody, and of an identity provider (GitHub, GitLab, Google,
    Cognito, Amazon, Facebook, an `oidc-provider/…`) not everybody whom it knows: a condition names the subject (`sub`),
    or with the public ones the application (`aud`). Read in `jsonencode`, in JSON as text or file, and in
    `aws_iam_policy_document`; a policy that is put together out of pieces of text cannot be read.
    """
    for source in module.sources:
        for _, item in source.attributes:
            found = [reason for node in walk(item.value) for reason in _of_node(module, node, read=not source.changed)]
            built = item.name == "assume_role_policy" and any(map(_is_built, _outermost(item.value)))
            if built and source.changed:
                found.append("is put together out of pieces of text: write it with jsonencode")
            for reason in dict.fromkeys(found):
                yield source.hit(f"{item.name} {reason}", item.at)
    for source in module.changed:
        yield from _documents(source)


def _of_node(module: Module, node: Node, *, read: bool) -> Iterator[str]:
    """What one expression says; with `read` only of the files that it reads, which may change without the code."""
    if node.kind == "object" and not read:
        yield from _of_statement(_plain(node))
    elif node.kind in {"string", "template"} and not read:
        yield from _of_text(str(_plain(node)))
    elif node.kind == "call" and node.text.removeprefix("core::") in READERS and node.parts:
        inside = path_inside(node.parts[0], at_root=module.is_unit)
        text = module.known.get(f"{module.folder}/{inside}", "")
        yield from _of_text(INTERPOLATION.sub(f"{UNKNOWN}text{UNKNOWN}", FORGED.sub("*", text)))


def _of_text(text: str) -> Iterator[str]:
    if not text.lstrip().startswith("{"):
        return
    for version in (text, BARE.sub(r'\1"\2"', text)):
        try:
            policy = json.loads(version)
        except (ValueError, RecursionError):
            continue
        for statement in statements(policy):
            yield from _of_statement(statement)
        return


def _of_statement(statement: Any) -> Iterator[str]:
    if isinstance(statement, dict) and is_trust(statement):
        yield from trusts(statement)


def _plain(node: Node) -> Any:
    """An expression as the value that it is, as far as it stands there; the rest as UNKNOWN with the names in it."""
    if node.kind == "string":
        return FORGED.sub("*", node.text)
    if node.kind == "template":
        return "".join(str(_plain(part)) for part in node.parts)
    if node.kind == "list":
        return [_plain(part) for part in node.parts]
    if node.kind == "object":
        return {
            str(_plain(item.parts[0])) if not item.text else item.text: _plain(item.parts[1]) for item in node.parts
        }
    return f"{UNKNOWN}{'.'.join(root_name(node))}{UNKNOWN}"


def _outermost(node: Node) -> Iterator[Node]:
    """The expressions of which one becomes the value."""
    if node.kind == "if":
        for part in node.parts[1:]:
            yield from _outermost(part)
    elif node.kind == "call" and node.text.removeprefix("core::") in {"try", "coalesce"}:
        for part in node.parts:
            yield from _outermost(part)
    else:
        yield node


def _is_built(node: Node) -> bool:
    return node.kind == "call" and node.text.removeprefix("core::") in BUILDERS


def _documents(source: Source) -> Iterator[Hit]:
    for _, block in source.blocks:
        if block.kind == "data" and block.labels[:1] == (DOCUMENT,):
            for made in _made(block.body, "statement"):
                for reason in _of_statement(_statement(made.body)):
                    yield source.hit(f"{DOCUMENT} {reason}", made.at)


def _statement(body: Body) -> dict[str, Any]:
    """A `statement` block as the statement that it becomes."""
    found: dict[str, Any] = {"Effect": _value(body, "effect", "Allow"), "Action": _value(body, "actions", [])}
    principals: dict[str, Any] = {}
    for block in _made(body, "principals"):
        kind, given = str(_value(block.body, "type", "")), _value(block.body, "identifiers", [])
        principals.setdefault("AWS" if kind == "*" else kind, []).extend(given if isinstance(given, list) else [given])
    if principals:
        found["Principal"] = principals
    if any(True for _ in _made(body, "not_principals")):
        found.update(NotPrincipal={}, Principal=principals)
    condition: dict[str, dict[str, Any]] = {}
    for block in _made(body, "condition"):
        operator = condition.setdefault(str(_value(block.body, "test", "")), {})
        operator[str(_value(block.body, "variable", ""))] = _value(block.body, "values", [])
    return {**found, "Condition": condition}


def _made(body: Body, kind: str) -> Iterator[Block]:
    """The blocks of a kind, those of `dynamic` ones included."""
    for block in body.blocks:
        if block.kind == kind:
            yield block
        elif effective_kind(block) == kind:
            yield from (inner for inner in block.body.blocks if inner.kind == "content")


def _value(body: Body, name: str, default: Any) -> Any:
    value = body.get(name)
    return default if value is None else _plain(value)


def _role(policy: str) -> Example:
    return {"infra/terraform/dev/app/main.tf": f'resource "aws_iam_role" "r" {{\n  assume_role_policy = {policy}\n}}\n'}


def _encoded(provider: str, condition: str = "") -> Example:
    return _role(
        'jsonencode({\n    Statement = [{\n      Effect    = "Allow"\n'
        '      Action    = "sts:AssumeRoleWithWebIdentity"\n'
        f"      Principal = {{ Federated = {provider} }}\n{condition}    }}]\n  }})"
    )


def _document(provider: str, condition: str = "") -> Example:
    return {
        "infra/terraform/dev/app/main.tf": 'data "aws_iam_policy_document" "t" {\n  statement {\n'
        '    actions = ["sts:AssumeRoleWithWebIdentity"]\n    principals {\n      type        = "Federated"\n'
        f"      identifiers = [{provider}]\n    }}\n{condition}  }}\n}}\n"
    }


_ISSUER = "aws_iam_openid_connect_provider.github"
_SUBJECT = "token.actions.githubusercontent.com:sub"
_COGNITO = "cognito-identity.amazonaws.com"

RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/trust",
        "a role's trust says who may assume it",
        trust,
        fires=(
            _encoded(f"{_ISSUER}.arn"),
            _encoded(f'"{_COGNITO}"'),
            _role(
                '<<-EOT\n    {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",\n'
                '     "Principal": {"Federated": "www.amazon.com"}}}\n  EOT'
            ),
            _document('"graph.facebook.com"'),
            _document(
                f"{_ISSUER}.arn",
                '    condition {\n      test     = "StringLike"\n'
                f'      variable = "{_SUBJECT}"\n      values   = ["repo:*"]\n    }}\n',
            ),
            _role('replace("{}", "x", aws_sqs_queue.q.arn)'),
        ),
        passes=(
            _encoded(
                f"{_ISSUER}.arn", f'      Condition = {{ StringLike = {{ "{_SUBJECT}" = "repo:acme/web:*" }} }}\n'
            ),
            _encoded(f'"{_COGNITO}"', f'      Condition = {{ StringEquals = {{ "{_COGNITO}:aud" = var.pool }} }}\n'),
            _document("aws_iam_saml_provider.staff.arn"),
        ),
    ),
)
