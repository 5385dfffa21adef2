"""A change's files below `infra/terraform/` -> findings on the syntax trees of every folder it touches. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from agent.domain import File, Finding
from agent.gate import terraform_code, terraform_functions, terraform_sources, terraform_state
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_module import Module, read_module
from agent.settings import Guardrails


def unparsable(module: Module) -> Iterator[Hit]:
    """A file that Terraform would not read, or that this gate cannot read as Terraform does: what is not understood is
    not let through. Names outside ASCII and nesting over 64 count as not understood.
    """
    yield from module.errors


def _tf(text: str) -> Example:
    return {"infra/terraform/dev/app/main.tf": text}


RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/unparsable",
        "every file can be read as Terraform reads it",
        unparsable,
        fires=(
            _tf("locals {\n  a = \n}\n"), _tf("locals { a = 1 b = 2 }\n"), _tf("locals {\n  a = " + "(" * 200 + "1" + ")" * 200 + "\n}\n"),
            {"infra/terraform/dev/app/x.tftpl": "${"},
        ),
        passes=(_tf("locals {\n  a = <<-EOT\n    x\n  EOT\n}\n"),),
        waivable=False,
    ),
    *terraform_code.RULES,
    *terraform_sources.RULES,
    *terraform_functions.RULES,
    *terraform_state.RULES,
)  # fmt: skip


def examine_terraform(
    files: Sequence[File], *, base: Mapping[str, str] | None, trusted: Mapping[str, str], guardrails: Guardrails
) -> list[Finding]:
    """Findings of all Terraform rules on every folder that `files` touches, each folder judged as a whole."""
    found: list[Finding] = []
    by_folder: dict[str, dict[str, str | None]] = {}
    for file in files:
        by_folder.setdefault(_folder(file.path), {})[file.path] = file.content
    bases: dict[str, dict[str, str]] = {}
    for path, content in (base or {}).items():
        bases.setdefault(_folder(path), {})[path] = content
    for folder, own in sorted(by_folder.items()):
        if not any(path.endswith((".tf", ".tftpl")) or path.startswith("infra/terraform/") for path in own):
            continue
        module = read_module(
            folder,
            files=own,
            base=None if base is None else bases.get(folder, {}),
            trusted={path: text for path, text in trusted.items() if _folder(path) == folder},
            guardrails=guardrails,
        )
        for rule in RULES:
            found += rule.findings(module)
    return found


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
