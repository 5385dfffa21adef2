"""Terraform module, before and after -> findings: what hides a destroy, and secrets written as values. Pure."""

from collections.abc import Iterator

from agent.gate import secret
from agent.gate.hcl import Block, Node, walk
from agent.gate.rules import BEFORE, Example, Hit, Rule
from agent.gate.terraform_module import Module, Source

PARAMETER = "aws_ssm_parameter"
SETTINGS = frozenset({"create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"})


def moves(module: Module) -> Iterator[Hit]:
    """`moved`, `removed` and `import` change which real resource an address means: a database can leave Terraform's
    hands, or another's can come into them, while the plan reads "0 to destroy".
    """
    for source in module.changed:
        for block in source.body.blocks:
            if block.kind in {"moved", "removed", "import"}:
                yield source.hit(f"{block.kind} changes which real resource an address means", block.at)


def lifecycle(module: Module) -> Iterator[Hit]:
    """`ignore_changes = all` hides drift for good; `prevent_destroy = false` is either said for nothing or takes a
    safeguard away; settings of a newer Terraform (`enabled`, `destroy`) take a resource away without a destroy.
    """
    for source in module.changed:
        for above, block in source.blocks:
            if block.kind != "lifecycle" or not above:
                continue
            for item in block.body.attributes:
                if item.name not in SETTINGS and above[-1].kind == "resource":
                    yield source.hit(f"lifecycle takes no {item.name}", item.at)
                if item.name == "ignore_changes" and any(_is_all(node) for node in walk(item.value)):
                    yield source.hit("ignore_changes = all hides drift", item.at)
                if item.name == "prevent_destroy" and (item.value.kind, item.value.text) != ("word", "true"):
                    yield source.hit("prevent_destroy may only be true", item.at)


def _is_all(node: Node) -> bool:
    return (node.kind in {"name", "string"} and node.text == "all") or (node.kind == "splat")


def lost_safeguards(module: Module) -> Iterator[Hit]:
    """A resource that had `prevent_destroy = true` keeps it, and keeps existing: renaming it, taking it away or setting
    its `count` to 0 destroys it.
    """
    after = {_address(block): block for _, block in _resources(module.sources)}
    for source, block in _resources(module.before):
        new = after.get(_address(block))
        line = source.hit("", block.at).line if new is None else 0
        if _prevented(block) and (new is None or not _prevented(new)):
            yield Hit(f"{_address(block)} was protected by prevent_destroy and is not any more", source.path, line)
        elif new is not None and _none(new) and not _none(block):
            yield Hit(f"{_address(block)} exists and would get count = 0: a destroy", source.path, line)


def _resources(sources: tuple[Source, ...]) -> Iterator[tuple[Source, Block]]:
    for source in sources:
        for block in source.body.blocks:
            if block.kind == "resource" and len(block.labels) == 2:
                yield source, block


def _address(block: Block) -> str:
    return ".".join(block.labels)


def _prevented(block: Block) -> bool:
    for inner in block.body.blocks:
        value = inner.body.get("prevent_destroy") if inner.kind == "lifecycle" else None
        if value is not None and (value.kind, value.text) == ("word", "true"):
            return True
    return False


def _none(block: Block) -> bool:
    count, each = block.body.get("count"), block.body.get("for_each")
    if count is not None and count.kind == "number" and count.text.strip("0.") == "":
        return True
    if each is not None and each.kind == "call" and len(each.parts) == 1:
        each = each.parts[0]
    return each is not None and each.kind in {"object", "list"} and not each.parts


def literal_secrets(module: Module) -> Iterator[Hit]:
    """A password, key or token written as a value: by the name that it is given to, by its shape, also in pieces
    (`"AKIA${"…"}"`, `join("", [ … ])`) or with escapes. Values come from a secret store or a generated resource.
    """
    for source in module.code:
        for above, item in source.attributes:
            context = (
                above[-1].labels[-1] if above and above[-1].labels and item.name in {"default", "value"} else item.name
            )
            yield from _named(source, context, item.value)
            for node in walk(item.value):
                if node.kind == "item":
                    yield from _named(source, node.text, node.parts[1])
                elif node.kind == "object":
                    yield from _pair(source, node)
            joined = "".join(node.text for node in walk(item.value) if node.kind == "string")
            if len(joined) >= 16 and any(secret.find(joined)):
                yield source.hit(f"{item.name} holds a secret", item.at)
        for _, block in source.blocks:
            if block.labels[:1] == (PARAMETER,) and _text(block, "type") == "SecureString":
                for given in (block.body.get("value"), block.body.get("value_wo")):
                    if given is not None and secret.assigned("password", _text_of(given)):
                        yield source.hit("value of a SecureString is given a literal value", given.at)
            name, value = block.body.get("name"), block.body.get("value")
            if name is not None and value is not None and name.kind == "string":
                yield from _named(source, name.text, value)


def _text(block: Block, name: str) -> str:
    value = block.body.get(name)
    return "" if value is None else _text_of(value)


def _text_of(node: Node) -> str:
    return node.text if node.kind == "string" else ""


def _pair(source: Source, node: Node) -> Iterator[Hit]:
    parts = {item.text.lower(): item.parts[1] for item in node.parts}
    if "name" in parts and "value" in parts and parts["name"].kind == "string":
        yield from _named(source, parts["name"].text, parts["value"])


def _named(source: Source, name: str, value: Node) -> Iterator[Hit]:
    for part in value.parts if value.kind == "list" else (value,):
        one = name.removesuffix("s") if name.endswith("passwords") else name
        if part.kind == "string" and secret.assigned(one, part.text):
            yield source.hit(f"{name} is given a literal value", part.at)


MAIN = "infra/terraform/dev/app/main.tf"
PROTECTED = 'resource "aws_db_instance" "d" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n'


def _tf(text: str) -> Example:
    return {MAIN: text}


RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/moved",
        "no moved, removed and import blocks without a waiver",
        moves,
        fires=(
            _tf('import {\n  to = aws_iam_user.x\n  id = "admin"\n}\n'),
            _tf("removed {\n  from = aws_s3_bucket.x\n  lifecycle {\n    destroy = false\n  }\n}\n"),
            _tf("moved {\n  from = aws_s3_bucket.a\n  to   = aws_s3_bucket.b\n}\n"),
        ),
        passes=(_tf('locals {\n  moved = "import"\n}\n'),),
    ),
    Rule(
        "terraform/lifecycle",
        "no lifecycle setting that hides drift or a destroy",
        lifecycle,
        fires=(
            _tf('resource "aws_sqs_queue" "q" {\n  lifecycle {\n    ignore_changes = all\n  }\n}\n'),
            _tf('resource "aws_sqs_queue" "q" {\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n'),
        ),
        passes=(
            _tf('resource "aws_sqs_queue" "q" {\n  lifecycle {\n    ignore_changes = [tags]\n  }\n}\n'),
            _tf('resource "aws_sqs_queue" "q" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n'),
        ),
    ),
    Rule(
        "terraform/safeguard",
        "what prevent_destroy protected stays protected",
        lost_safeguards,
        fires=(
            {BEFORE + MAIN: PROTECTED, MAIN: 'resource "aws_db_instance" "d" {\n}\n'},
            {BEFORE + MAIN: PROTECTED, MAIN: None},
        ),
        passes=(_tf('resource "aws_sqs_queue" "q" {\n  count = 0\n}\n'),),
    ),
    Rule(
        "terraform/secret",
        "no secret as a literal value",
        literal_secrets,
        fires=(
            _tf('resource "aws_db_instance" "d" {\n  password = "hunter2hunter2"\n}\n'),
            _tf('variable "db_password" {\n  default = "hunter2hunter2"\n}\n'),
            _tf('resource "aws_ssm_parameter" "p" {\n  type  = "SecureString"\n  value = "hunter2hunter2"\n}\n'),
            _tf('resource "aws_db_instance" "d" {\n  password_wo = "hunter2hunter2"\n}\n'),
            _tf('locals {\n  a = join("", ["AKI", "AIOSFODNN7QWERTYU"])\n}\n'),
            _tf('locals {\n  a = "\\u0041KIAIOSFODNN7QWERTYU"\n}\n'),
        ),
        passes=(
            _tf('resource "aws_db_instance" "d" {\n  manage_master_user_password = true\n  username = "app"\n}\n'),
            _tf('variable "db_password" {\n  type      = string\n  sensitive = true\n}\n'),
        ),
    ),
)
