"""What the gate's tests share: guardrails, a unit's path, and the rules that fire on a text."""

import json
from collections.abc import Mapping

from agent.domain import File, Finding
from agent.gate import examine, examine_plan, parse_bundle
from agent.gate.rules import BEFORE
from agent.guardrails import Guardrails, Limits

UNIT = "infra/terraform/dev/app"
MAIN = f"{UNIT}/main.tf"
GUARDRAILS = Guardrails(
    version=1,
    environments=("dev", "prod"),
    providers=("hashicorp/aws",),
    module_sources=("git::https://github.com/acme", "acme/x/aws", "acme/file.zip"),
    limits=Limits(max_files=1000, max_file_bytes=1_000_000),
)


# In an example: JSON of guardrails other than these.
SETTINGS = "guardrails.json"


def files(bundle: Mapping[str, str | None]) -> list[File]:
    return [File(path=path, content=content) for path, content in bundle.items()]


def judge(example: Mapping[str, str | None]) -> tuple[Finding, ...]:
    """What the gate says about an example of a rule: a bundle, its raw text, or a plan; with the example's SETTINGS."""
    guardrails = GUARDRAILS
    if SETTINGS in example:
        own = json.loads(example[SETTINGS] or "")
        guardrails = Guardrails.model_validate({**GUARDRAILS.model_dump(), **own})
        example = {path: text for path, text in example.items() if path != SETTINGS}
    if "plan.json" in example:
        return examine_plan(json.loads(example["plan.json"] or ""), guardrails=guardrails)
    if "bundle.json" in example:
        read = parse_bundle(example["bundle.json"] or "")
        return (*read.findings, *(examine(read.files, guardrails=guardrails) if not read.findings else ()))
    before = {path.removeprefix(BEFORE): text or "" for path, text in example.items() if path.startswith(BEFORE)}
    change = {path: text for path, text in example.items() if not path.startswith(BEFORE)}
    return examine(files(change), guardrails=guardrails, base=before or None)


def rules(bundle: Mapping[str, str | None], *, base: Mapping[str, str] | None = None) -> set[str]:
    return {item.rule for item in examine(files(bundle), guardrails=GUARDRAILS, base=base)}


def tf(text: str, **more: str) -> set[str]:
    """The rules that fire on a unit whose `main.tf` is `text`, with more files by their names."""
    return rules({MAIN: text, **{f"{UNIT}/{name.replace('__', '.')}": content for name, content in more.items()}})
