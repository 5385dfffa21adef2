"""A change's files below `infra/terraform/` -> findings on the syntax trees of every folder it touches. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.domain import File, Finding
from agent.gate import terraform_code, terraform_functions, terraform_sources, terraform_state, terraform_trust
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_functions import literal_reads
from agent.gate.terraform_module import Module, Tree, loose_templates, read_modules
from agent.guardrails import Guardrails
from agent.tree import laid_over


def unparsable(module: Module) -> Iterator[Hit]:
    """A file that Terraform would not read, or that this gate cannot read as Terraform does: what is not understood is
    not let through. Names outside ASCII and nesting over 64 count as not understood.
    """
    yield from module.errors


def _tf(text: str) -> Example:
    return {"infra/terraform/dev/app/main.tf": text}


class Folders(NamedTuple):
    """All modules that a change touches."""

    tree: Tree
    modules: list[Module]


def unread_files(folders: Folders) -> Iterator[Hit]:
    """A `.json` or `.yaml` file beside Terraform code is there for the code to read it by its literal name; otherwise
    it is somebody else's configuration. `probes.yaml` is the pipeline's own.
    """
    read = {path for module in folders.modules for path in literal_reads(module)}
    for path, content in folders.tree.files.items():
        data = path.startswith("infra/terraform/") and path.endswith((".json", ".yaml", ".yml"))
        if data and content is not None and path not in read and not path.endswith("/probes.yaml"):
            yield Hit("no file function of its module reads this file by its name", path)


UNREAD: Rule[Folders] = Rule(
    "terraform/unread-file",
    "data files are there for the code to read",
    unread_files,
    fires=({"infra/terraform/dev/app/other.yaml": "a: 1\n", "infra/terraform/dev/app/main.tf": "locals {}\n"},),
    passes=(
        {
            "infra/terraform/dev/app/main.tf": 'locals {\n  a = file("${path.module}/policy.json")\n}\n',
            "infra/terraform/dev/app/policy.json": "{}\n",
        },
        {"infra/terraform/dev/app/probes.yaml": "probes: []\n"},
    ),
)

RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/unparsable",
        "every file can be read as Terraform reads it",
        unparsable,
        fires=(
            _tf("locals {\n  a = \n}\n"),
            _tf("locals { a = 1 b = 2 }\n"),
            _tf("locals {\n  a = " + "(" * 200 + "1" + ")" * 200 + "\n}\n"),
            {"infra/terraform/dev/app/x.tftpl": "${"},
        ),
        passes=(_tf("locals {\n  a = <<-EOT\n    x\n  EOT\n}\n"),),
        waivable=False,
    ),
    *terraform_code.RULES,
    *terraform_sources.RULES,
    *terraform_functions.RULES,
    *terraform_state.RULES,
    *terraform_trust.RULES,
)


def examine_terraform(
    files: Sequence[File], *, base: Mapping[str, str] | None, trusted: Mapping[str, str], guardrails: Guardrails
) -> list[Finding]:
    """Findings of all Terraform rules on every folder that `files` touches, each folder judged as a whole."""
    theirs = [file for file in files if trusted.get(file.path, "") != file.content]
    own = {file.path: file.content for file in theirs}
    known = laid_over({**(base or {}), **trusted}, theirs)
    tree = Tree(own, base, known, guardrails)
    modules = read_modules(tree)
    found: list[Finding] = []
    for module in [*modules, *loose_templates(tree, modules)]:
        for rule in RULES:
            found += rule.findings(module)
    found += UNREAD.findings(Folders(tree, modules))
    return found
