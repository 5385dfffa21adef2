"""Our HCL parser against Terraform's own: what each accepts, which blocks each sees, what each reads in a text."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agent.gate import RULES
from agent.gate.hcl import HclError, Node
from agent.gate.hcl_parse import parse, parse_template
from agent.gate.terraform_code import TOP_BLOCKS as KNOWN
from tests.gate.gate_helpers import UNIT
from tests.gate.hcl_fixtures import SAME, STRICTER

CORPUS = Path(__file__).parent / "corpus" / "terraform"
pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "CHECKPOINT_DISABLE": "1"}


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["terraform", *argv], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def refused(texts: Mapping[str, str], folder: Path) -> set[str]:
    """The names of the texts that Terraform's parser does not take, from one run over all of them."""
    numbers = {f"f{number:05d}.tf": name for number, name in enumerate(texts)}
    for file, name in numbers.items():
        (folder / file).write_bytes(texts[name].encode())
    shown = run("fmt", "-no-color", "-write=false", "-list=false", cwd=folder).stderr
    return {numbers[file] for file in re.findall(r"on (?:\./)?(f\d{5}\.tf) line", shown)}


def accepts(text: str) -> bool:
    try:
        parse(text)
    except HclError:
        return False
    return True


def fixtures() -> dict[str, str]:
    texts = dict(SAME)
    for rule in RULES.values():
        for number, example in enumerate((*rule.fires, *rule.passes)):
            for path, content in example.items():
                if path == f"{UNIT}/main.tf" and content and rule.id not in {"bundle/limit", "content/hidden"}:
                    texts[f"{rule.id}-{number}"] = content
    texts.update({str(path.relative_to(CORPUS)): path.read_text() for path in sorted(CORPUS.rglob("*.tf"))})
    return texts


def test_accepts_what_terraform_accepts(tmp_path: Path) -> None:
    texts = fixtures()
    bad = refused(texts, tmp_path)
    deep = {name for name in texts if name.startswith("terraform/unparsable")}
    assert bad, "terraform refused nothing: the comparison does not work"
    assert {name for name in texts if not accepts(texts[name])} - deep == bad - deep
    assert len(texts) - len(bad) > 100


def test_stricter_only_where_we_say_so(tmp_path: Path) -> None:
    assert refused(STRICTER, tmp_path) == set()
    assert [name for name, text in STRICTER.items() if accepts(text)] == []


@pytest.mark.slow
def test_sees_the_providers_that_terraform_sees(tmp_path: Path) -> None:
    """`terraform providers` names the provider of every resource and data block it sees; so do we."""
    compared = 0
    for number, (name, text) in enumerate(fixtures().items()):
        if not accepts(text) or "required_providers" in text or "provider " in text:
            continue
        blocks = [block for block in parse(text).blocks if block.kind in {"resource", "data"}]
        if not blocks:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "main.tf").write_text("\n".join(part for part in (text,) if part), newline="")
        done = run("providers", "-no-color", cwd=folder)
        if done.returncode != 0:
            continue  # not a whole configuration: names twice, a module that is not there
        seen = set(re.findall(r"/hashicorp/([a-z0-9-]+)\]", done.stdout))
        ours = {block.labels[0].split("_")[0] for block in blocks if not block.labels[0].startswith("terraform_")}
        assert ours == seen, name
        compared += 1
    assert compared > 40


# fmt: off
PIECES = st.sampled_from([
    "a", "b ", "= ", "{", "}", "{\n", "}\n", "[", "]", "(", ")", '"', '"', "${", "%{", "$${", "%%{", "$", "%",
    "~}", "~", "\\", '\\"', "\\u0065", "<<E\n", "<<-E\n", "\nE\n", "  E\n", "E", "\n", "\n", "\r\n", " ", "#c\n",
    "//c\n", "/*", "*/", "/*\n*/", ",", ".", "...", "::", ":", "?", "=>", "==", "!", "-", "1", "0.5", "for ",
    "in ", "if ", "true", "x.y", "x[*]", "f(1)", '"s"', '"${x}"', "%{if x}", "%{ endif ~}", "%{else}",
    "%{for x in y}", "%{endfor}", "<", "\u00a0", "E\u00a0\n",
])
FRAMES = st.sampled_from([
    "zz {{\n {}\n}}\n", "zz {{\n a = {}\n}}\nzy {{}}\n", 'zz "x" {{\n a = "{}"\n}}\nzy {{}}\n',
    "zz {{\n a = <<E\n{}\nE\n}}\nzy {{}}\n", "zz {{\n a = <<-E\n{}E\n}}\nzy {{}}\n", "zz {{\n a = [{}]\n}}\n",
    "zz {{\n a = {{{}}}\n}}\n", 'zz {{\n a = "${{{}}}"\n}}\n', "zz {} {{\n}}\n", "zz {{ a = {} }}\nzy {{}}\n",
])
# fmt: on
TEXTS = st.builds(
    lambda frame, pieces: frame.format("".join(pieces)), FRAMES, st.lists(PIECES, min_size=1, max_size=10)
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate])
@given(batch=st.lists(TEXTS, min_size=150, max_size=250))
def test_generated_texts_are_judged_and_seen_alike(batch: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Accepted by both or by neither, with the same blocks at the same places: nothing hides in a heredoc."""
    texts = {str(number): text for number, text in enumerate(dict.fromkeys(batch))}
    folder = tmp_path_factory.mktemp("fuzz")
    bad = refused(texts, folder)
    ours = {name for name, text in texts.items() if not accepts(text)}
    # To refuse what Terraform takes (such as `0.5.a`) is the safe side; many such texts would block ordinary code.
    assert len({name for name in ours - bad if texts[name].isascii()}) <= 3
    assert bad - ours == set()
    good = {name: text for name, text in texts.items() if name not in ours}
    for path in folder.iterdir():
        path.unlink()
    for name, text in good.items():
        (folder / f"g{name}.tf").write_bytes(text.encode())
    report = json.loads(run("validate", "-json", "-no-color", cwd=folder).stdout)
    seen: dict[str, set[int]] = {name: set() for name in good}
    for item in report["diagnostics"]:
        if item["summary"] in {"Unsupported block type", "Unsupported argument"}:
            seen[item["range"]["filename"][1:-3]].add(item["range"]["start"]["byte"])
    for name, text in good.items():
        body = parse(text)
        if not any(block.kind in KNOWN for block in body.blocks):
            places = [block.at for block in body.blocks] + [item.at for item in body.attributes]
            assert {len(text[:at].encode()) for at in places} == seen[name], text


STRINGS = {
    "escapes": r'"a\tb\n\"\\\u00e9\U0001F600"',
    "dollars": '"$${x} $ %% %%{x} $$ $${"',
    "heredoc": "<<E\n  a \\n $${x}\n\tb\nE\n",
    "quotes": '"\\u0041KIA"',
    "nested": '"a${"b${"c"}"}"',
}


@pytest.mark.slow
def test_reads_texts_as_terraform_does(tmp_path: Path) -> None:
    lines = [f"{name} = {text}" for name, text in STRINGS.items()]
    text = "locals {\n" + "\n".join(lines) + "\n}\n"
    (tmp_path / "main.tf").write_text(text, newline="")
    read = subprocess.run(
        ["terraform", "console", "-no-color"],
        input="jsonencode({ " + ", ".join(f"{name} = local.{name}" for name in STRINGS) + " })\n",
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert read.returncode == 0, read.stderr
    values = json.loads(json.loads(read.stdout))
    block = parse(text).blocks[0]
    assert {item.name: folded(item.value) for item in block.body.attributes} == values


def folded(node: Node) -> str:
    return node.text if node.kind == "string" else "".join(folded(part) for part in node.parts)


@given(st.text(max_size=300))
def test_total(text: str) -> None:
    places: list[int] = []
    for read in (parse, parse_template):
        try:
            read(text)
        except HclError as error:
            places.append(error.at)
    assert all(0 <= at <= len(text) for at in places)


BOTTOMLESS = ["(", "[", "{b=", "!", "-", "x[", "1 ? ", "f(", '"${', "<<E\n%{if x}"]


@pytest.mark.parametrize("text", ["a {\n" * 50_000, *("a = " + piece * 50_000 for piece in BOTTOMLESS)])
def test_bottomless_nesting_is_refused(text: str) -> None:
    with pytest.raises(HclError):
        parse(text)


def test_long_chains_are_not_nesting() -> None:
    body = parse("locals {\n a = " + " + ".join(["1"] * 20_000) + "\n b = x" + ".y" * 20_000 + "\n}\n")
    assert len(body.blocks[0].body.attributes) == 2
