"""Paths and texts of any kind -> the same in other places, cases, comment styles and wrappings."""

import base64
from collections.abc import Callable
from random import Random
from urllib.parse import quote

from agent.gate.rules import Example

COMMENTS = ("# @", "#@", "// @", "/* @ */", "locals {} # @", "  #  @", "#\t@", "# see: @ (old)")
HASHES = ("# @", "#@", "  # @")
FILES = (
    ("infra/terraform/dev/app/main.tf", COMMENTS),
    ("infra/terraform/modules/net/x.tf", COMMENTS),
    ("infra/terraform/dev/app/x.sh.tftpl", ("# @", "@", "echo @")),
    ("infra/ansible/web/site.yml", HASHES),
    ("infra/ansible/web/roles/r/templates/x.conf.j2", ("# @", "@")),
    ("infra/ansible/web/hosts", ("# @", "; @")),
    ("infra/kubernetes/dev/app/app.yaml", HASHES),
    ("infra/kubernetes/dev/app/files/x.conf", ("# @", "@")),
    ("infra/terraform/dev/app/README.md", ("@", "<!-- @ -->", "- `@`")),
)
FOREIGN = (
    "",
    "../",
    "/",
    "./",
    "~/",
    "C:/",
    "infra/",
    "infra/terraform/",
    "INFRA/terraform/dev/app/",
    "infra//terraform/dev/",
)


def respell_path(rule: str, example: Example, rng: Random, *, harmless: bool) -> Example:
    """The same name further down, in another target, or (for a folder) reached by another way."""
    return {_moved(rule, path, rng, harmless=harmless): content for path, content in example.items()}


def _moved(rule: str, path: str, rng: Random, *, harmless: bool) -> str:
    name = path.rsplit("/", 1)[-1]
    if rule == "paths/folder" and not harmless:
        return rng.choice(FOREIGN) + path.removeprefix("infra/../")
    if rule == "paths/plugins":
        home, _, rest = path.partition("/web/" if "/web/" in path else "/app/")
        return "/".join([home, "web" if "ansible" in path else "app", *rng.choice([[], ["roles", "r"], ["sub"]]), rest])
    parts = path.split("/")
    extra: list[str] = rng.choice([[], ["sub"], ["sub", "sub2"]]) if path.startswith("infra/") else []
    name = name.upper() if rule == "paths/reserved" and not harmless and rng.random() < 0.3 else name
    return "/".join([*parts[:-1], *extra, name])


def respell_content(rule: str, example: Example, rng: Random, *, harmless: bool) -> Example:
    """What a file of the example says, in a file of another kind, in another case, wrapped, or later in the text."""
    ((path, content),) = example.items()
    text = content or ""
    if rule == "content/program":
        homes = [path] if harmless else ["infra/ansible/web/hosts", "infra/kubernetes/dev/app/a.yaml", path]
        return {rng.choice(homes): text}
    if text.startswith("# ") and text.count("\n") == 1:
        said = text[2:-1] + ("x" * 9 if rule == "content/long-line" and not harmless else "")
        if rule == "content/suppression":
            said = rng.choice([said, said.upper(), said.title(), _spaced(said)])
        if rule == "content/secret" and not harmless:
            said = rng.choice(WRAPPINGS)(said)
        styles: tuple[str, ...]
        path, styles = rng.choice(FILES[:-1] if rule == "content/shell-pipe" else FILES)
        if said.lower().startswith("noqa"):
            styles = tuple(style for style in styles if "#" in style and "see" not in style) or ("# @",)
        text = rng.choice(styles).replace("@", said, 1) + rng.choice(["", "\n", "\n# x\n"])
    text = rng.choice(["", "# x\n", "\n\n", "# 1\n" * 40]) + text
    return {path: text.replace("\n", "\r\n") if rng.random() < 0.2 and "\r" not in text else text}


def _spaced(text: str) -> str:
    name, sign, rest = text.partition(":")
    return f"{name} {sign}  {rest}" if sign and name in {"checkov", "bridgecrew", "cortex", "trivy", "tfsec"} else text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WRAPPINGS: list[Callable[[str], str]] = [
    str,
    lambda text: text[::-1],
    _base64,
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: _base64(_base64(text)),
    lambda text: text.encode().hex(),
    lambda text: text.encode().hex().upper(),
    lambda text: "".join(f"%{ord(char):02x}" for char in text),
    lambda text: quote(text, safe="").replace("A", "%41"),
    lambda text: f"key='{text}'",
    lambda text: f"https://x.example/?k={text}&b=1",
]
