"""Terraform module -> findings: functions that read files, hide what they make, or are not Terraform's own. Pure."""

import re
from collections.abc import Iterator

from agent.gate.hcl import Node, root_name, walk
from agent.gate.paths import extensions, folders, plugin_folders, reserved, segments, tool_configuration
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_module import Module, path_inside

FILE_FUNCTIONS = frozenset({
    "file", "filebase64", "fileexists", "filemd5", "filesha1", "filesha256", "filesha512", "filebase64sha256",
    "filebase64sha512", "fileset", "templatefile",
})  # fmt: skip
FORBIDDEN = {
    "nonsensitive": "shows a value that was marked as secret",
    "templatestring": "renders a template that nobody has reviewed",
    "pathexpand": "leads to somebody's home folder",
    "abspath": "leads out of the unit",
    "rsadecrypt": "needs a private key in the code",
}
DECODERS = frozenset({"jsondecode", "yamldecode", "csvdecode"})
HIDERS = frozenset({"base64decode", "textdecodebase64", "base64gunzip", "file", "filebase64", "urldecode"})
ENCODERS = frozenset({"base64encode", "base64gzip", "textencodebase64", "urlencode", "strrev", "split", "substr"})
# `terraform metadata functions` of 1.11, and OpenTofu's few more; the rest of FORBIDDEN and FILE_FUNCTIONS apart.
# `list`, `map`, `object` … are how a variable says its type.
PLAIN = frozenset({
    "list", "set", "map", "object", "tuple", "optional",
    "abs", "alltrue", "anytrue", "base64decode", "base64encode", "base64gzip", "base64gunzip", "base64sha256",
    "base64sha512", "basename", "bcrypt", "can", "ceil", "chomp", "chunklist", "cidrcontains", "cidrhost",
    "cidrnetmask", "cidrsubnet", "cidrsubnets", "coalesce", "coalescelist", "compact", "concat", "contains",
    "csvdecode", "dirname", "distinct", "element", "endswith", "ephemeralasnull", "flatten", "floor", "format",
    "formatdate", "formatlist", "indent", "index", "issensitive", "join", "jsondecode", "jsonencode", "keys",
    "length", "log", "lookup", "lower", "matchkeys", "max", "md5", "merge", "min", "one", "parseint",
    "plantimestamp", "pow", "range", "regex", "regexall", "replace", "reverse", "sensitive", "setintersection",
    "setproduct", "setsubtract", "setunion", "sha1", "sha256", "sha512", "signum", "slice", "sort", "split",
    "startswith", "strcontains", "strrev", "substr", "sum", "textdecodebase64", "textencodebase64", "timeadd",
    "timecmp", "timestamp", "title", "tobool", "tolist", "tomap", "tonumber", "toset", "tostring", "transpose",
    "trim", "trimprefix", "trimspace", "trimsuffix", "try", "upper", "urldecode", "urlencode", "uuid", "uuidv5",
    "values", "yamldecode", "yamlencode", "zipmap",
})  # fmt: skip
PROVIDER_FUNCTIONS = {
    "hashicorp/aws": frozenset({"arn_build", "arn_parse", "trim_iam_role_path", "user_agent"}),
    "terraform.io/builtin/terraform": frozenset({"encode_expr", "encode_tfvars"}),
}
# Arguments by which a provider reads or writes a file of the runner: type -> argument.
FILE_ARGUMENTS = {
    "aws_s3_object": ("source",),
    "aws_s3_bucket_object": ("source",),
    "aws_lambda_function": ("filename",),
    "aws_lambda_layer_version": ("filename",),
    "aws_gamelift_script": ("zip_file",),
    "aws_synthetics_canary": ("zip_file",),
    "google_storage_bucket_object": ("source",),
    "azurerm_storage_blob": ("source",),
    "azurerm_storage_share_file": ("source",),
    "archive_file": ("source_file", "source_dir", "output_path"),
    "google_project_iam_custom_role": (),
}


def functions(module: Module) -> Iterator[Hit]:
    """Only Terraform's own functions and a few of the allowed providers' (`provider::aws::arn_parse`, …).
    `nonsensitive` shows secrets, `templatestring` renders unreviewed templates, `pathexpand` and `abspath` lead out of
    the unit. `core::file` is `file`.
    """
    for source in module.code:
        for call in source.calls:
            if call.name in FORBIDDEN:
                yield source.hit(f"{call.name}() {FORBIDDEN[call.name]}", call.node.at)
            elif call.name.startswith("provider::"):
                _, local, *rest = call.name.split("::")
                allowed = PROVIDER_FUNCTIONS.get(module.provider_of(local), frozenset())
                if not module.allows(module.provider_of(local)) or len(rest) != 1 or rest[0] not in allowed:
                    yield source.hit(f"{call.name}() is a provider's function that is not allowed", call.node.at)
            elif call.name not in PLAIN and call.name not in FILE_FUNCTIONS:
                yield source.hit(f"{call.name}() is not a function that the gate knows", call.node.at)


def hidden_configuration(module: Module) -> Iterator[Hit]:
    """`jsondecode`, `yamldecode` and `csvdecode` of a file or of encoded text make configuration that no reviewer and
    no scanner sees as such. Decoding what a resource or variable holds is fine.
    """
    for source in module.code:
        for call in source.calls:
            if call.name in DECODERS and _calls(call.node, HIDERS):
                yield source.hit(f"{call.name}() of a file or of encoded text hides configuration", call.node.at)


def encoded_outputs(module: Module) -> Iterator[Hit]:
    """An output in another spelling (`base64encode`, `strrev`, …) passes the masks that hide secrets in logs."""
    for source in module.changed:
        for call in source.calls:
            output = call.above[0] if call.above and call.above[0].kind == "output" else None
            if call.name in ENCODERS and output is not None and _shown(output.body.get("sensitive")):
                yield source.hit(f"{call.name}() in an output passes the masks that hide secrets", call.node.at)


def file_functions(module: Module) -> Iterator[Hit]:
    """`file`, `templatefile`, `fileset` and their kin read what they are told, `/proc/self/environ` too, and no
    provider is needed. Their path must be literal and lead to a file of the unit that the gate has seen:
    `"${path.module}/policy.json"`, or in the unit's own folder `"policy.json"`. Names from variables, locals,
    `for_each` or another function are refused, as is `..`.
    """
    for source in module.code:
        for call in source.calls:
            if call.name in FILE_FUNCTIONS and source.template is not None:
                yield source.hit(f"{call.name}() in a template reads relative to the runner's folder", call.node.at)
            elif call.name in FILE_FUNCTIONS:
                reason = _path_problem(module, call.name, call.node.parts)
                if reason:
                    yield source.hit(f"{call.name}() {reason}", call.node.at)


def file_arguments(module: Module) -> Iterator[Hit]:
    """Arguments by which a provider itself reads or writes files of the runner (`aws_s3_object.source`,
    `aws_lambda_function.filename`, …) take literal paths inside the unit, or the output of `archive_file`.
    """
    for source, block in module.top("resource", "data"):
        names = FILE_ARGUMENTS.get(block.labels[0] if block.labels else "", ())
        for item in block.body.attributes:
            if item.name in names and not _file_argument(item.value, module):
                yield source.hit(f"{block.labels[0]}.{item.name} must be a literal path inside the unit", item.at)


def literal_reads(module: Module) -> Iterator[str]:
    """Paths of the files that the module's file functions name literally."""
    for source in (*module.sources, *module.templates):
        for call in source.calls:
            if call.name in FILE_FUNCTIONS and call.node.parts:
                inside = path_inside(call.node.parts[0], at_root=module.is_unit)
                if inside is not None:
                    yield f"{module.folder}/{inside}"


def _shown(value: Node | None) -> bool:
    return value is None or (value.kind, value.text) != ("word", "true")


def _calls(node: Node, names: frozenset[str]) -> bool:
    return any(part.kind == "call" and part.text.removeprefix("core::") in names for part in walk(node))


def _path_problem(module: Module, name: str, arguments: tuple[Node, ...]) -> str:
    if not arguments:
        return "needs a path"
    inside = path_inside(arguments[0], at_root=module.is_unit)
    if inside is None:
        return 'needs a literal path inside the unit, such as "${path.module}/policy.json"'
    if name == "fileset":
        pattern = arguments[1].text if len(arguments) > 1 and arguments[1].kind == "string" else ""
        plain = re.fullmatch(r"[a-z0-9_*?{}][a-z0-9_*?{},./-]*", pattern) and ".." not in pattern
        if not plain:
            return "needs a literal pattern inside the unit"
        return "" if inside == "." or not any(segments(f"{module.folder}/{inside}")) else "leads out of the unit"
    path = f"{module.folder}/{inside}"
    for rule in (folders, segments, extensions, reserved, tool_configuration, plugin_folders):
        if any(rule(path)):
            return f"names {inside!r}, which no change may write"
    if path not in module.known and (module.base_known or name == "templatefile"):
        return f"names {inside!r}, which is neither in the change nor in the tree"
    return ""


def _file_argument(value: Node, module: Module) -> bool:
    if (value.kind, value.text) == ("word", "null"):
        return True
    if root_name(value)[:2] == ("data", "archive_file"):
        return True
    inside = path_inside(value, at_root=module.is_unit)
    return inside is not None and not any(segments(f"{module.folder}/{inside}"))


def _tf(text: str, **more: str) -> Example:
    return {"infra/terraform/dev/app/main.tf": text, **{f"infra/terraform/dev/app/{k}": v for k, v in more.items()}}


def _output(expression: str) -> Example:
    return _tf(f'output "n" {{\n  value = {expression}\n}}\n')


def _local(expression: str) -> Example:
    return _tf(f"locals {{\n  a = {expression}\n}}\n")


POLICY = 'resource "aws_sqs_queue" "q" {\n  policy = file("${path.module}/policy.json")\n}\n'

RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/function",
        "only functions that are known to be harmless",
        functions,
        fires=(
            _output("nonsensitive(var.db_password)"),
            _local("provider::evil::run()"),
            _local("core::nonsensitive(var.x)"),
            _local("templatestring(local.t, {})"),
            _local('pathexpand("~/.aws/credentials")'),
            _local("unheard_of(1)"),
        ),
        passes=(_local('provider::aws::arn_parse("arn:aws:s3:::b")'), _local("merge({}, { a = max(1, 2) })")),
    ),
    Rule(
        "terraform/hidden-configuration",
        "no configuration decoded from files or encoded text",
        hidden_configuration,
        fires=(_local('yamldecode(base64decode("YTogMQ=="))'), _local('jsondecode(file("${path.module}/x.json"))')),
        passes=(_local("jsondecode(aws_sqs_queue.q.policy)"),),
    ),
    Rule(
        "terraform/encoded-output",
        "no output in another spelling",
        encoded_outputs,
        fires=(_output("base64encode(var.db_password)"),),
        passes=(_output("aws_sqs_queue.q.arn"), _output('join("-", ["a", "b"])')),
    ),
    Rule(
        "terraform/file-function",
        "files are read by literal paths inside the unit",
        file_functions,
        fires=(
            _output('file("/proc/self/environ")'),
            _output('filebase64("../../../x.json")'),
            _output("file(var.x)"),
            _output('fileset("/", "*")'),
            _output('templatefile("${path.root}/../../x.tftpl", {})'),
            _output('core::file("/etc/passwd")'),
            _output('"${"${file("/etc/passwd")}"}"'),
            _output('<<EOT\n${ file( /* x */ "/etc/passwd" ) }\nEOT\n'),
        ),
        passes=(_tf(POLICY, **{"policy.json": "{}\n"}),),
        waivable=False,
    ),
    Rule(
        "terraform/file-argument",
        "providers read literal paths inside the unit",
        file_arguments,
        fires=(
            _tf('resource "aws_s3_object" "x" {\n  bucket = "b"\n  key = "k"\n  source = "/proc/self/environ"\n}\n'),
            _tf('resource "aws_lambda_function" "x" {\n  filename = var.path\n}\n'),
        ),
        passes=(_tf('resource "aws_s3_object" "x" {\n  bucket = "b"\n  key = "k"\n  content = "hello"\n}\n'),),
        waivable=False,
    ),
)
