"""Every HCL text of this repository through our parser and Terraform's: the same are refused, the same blocks seen.

The texts: the corpus, the examples of every rule, the policies' examples, the golden paths' answers, the benchmark's
change, the grammar's edges, and every string in the tests that begins a line with a block of Terraform's.
"""

import ast
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.gate import RULES
from agent.gate.hcl import HclError
from agent.gate.hcl_parse import parse
from agent.gate.terraform_code import TOP_BLOCKS
from benchmarks.change import fifty_files, one_file
from tests.gate.hcl_fixtures import SAME, STRICTER
from tests.gate.test_gate_hcl import ENVIRONMENT, accepts, refused

HERE = Path(__file__).parents[2]
KINDS = "|".join(sorted({*TOP_BLOCKS, "ephemeral", "action", "list"}))
BLOCK = re.compile(rf"(?m)^([ \t]*)({KINDS})(?=[ \t]*[\"{{/]|[ \t]+[a-z])")
# Terraform would know these words; with a prefix it names the place of every block and attribute instead.
FOREIGN = re.compile(rf"(?m)^([ \t]*)({KINDS})\b")
DEEP = {text for name, text in STRICTER.items()}
pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")


def strings(path: Path) -> Iterator[str]:
    """Literals in a test that hold a Terraform block; what a test formats first is no text yet."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in inside:
            continue
        if "{" in node.value and BLOCK.search(node.value):
            yield node.value


def texts() -> dict[str, str]:
    found = {f"edge/{name}": text for name, text in SAME.items()}
    for rule in RULES.values():
        for number, example in enumerate((*rule.fires, *rule.passes)):
            if rule.id in {"bundle/limit", "content/hidden"}:  # large, or characters that we refuse on purpose
                continue
            found.update({
                f"{rule.id}-{number}/{path}": text for path, text in example.items() if text and path.endswith(".tf")
            })  # fmt: skip
    for folder in ("tests", "policies", "agent", "benchmarks"):
        for path in sorted((HERE / folder).rglob("*.tf")):
            found[str(path.relative_to(HERE))] = path.read_bytes().decode()
    for path in sorted((HERE / "tests").rglob("*.py")):
        found |= {f"{path.relative_to(HERE)}-{number}": text for number, text in enumerate(strings(path))}
    found |= {**fifty_files(), **one_file()}
    once = {text: name for name, text in found.items() if text not in DEEP}
    return {name: text for text, name in once.items() if _encodable(text)}


def _encodable(text: str) -> bool:
    try:
        return "\0" not in text and len(text.encode()) < 1_000_000
    except UnicodeEncodeError:
        return False


def test_every_fixture_is_judged_alike_and_holds_the_same_blocks(tmp_path: Path) -> None:
    given = texts()
    (tmp_path / "as-is").mkdir()
    bad = refused(given, tmp_path / "as-is")
    ours = {name for name, text in given.items() if not accepts(text)}
    stricter = {name for name in ours - bad if name.startswith("terraform/unparsable") or not given[name].isascii()}
    assert bad - ours == set(), "Terraform refuses these, and we take them"
    assert ours - bad == stricter, "we refuse these, and Terraform takes them"
    good = {name: FOREIGN.sub(r"\1zz_\2", text) for name, text in given.items() if name not in ours | bad}
    folder = tmp_path / "foreign"
    folder.mkdir()
    numbered = dict(enumerate(good))
    for number, name in numbered.items():
        (folder / f"g{number}.tf").write_bytes(good[name].encode())
    done = subprocess.run(
        ["terraform", "validate", "-json", "-no-color"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    seen: dict[str, Counter[int]] = {name: Counter() for name in good}
    for item in json.loads(done.stdout)["diagnostics"]:
        if item["summary"] in {"Unsupported block type", "Unsupported argument"}:
            seen[numbered[int(item["range"]["filename"][1:-3])]][item["range"]["start"]["byte"]] += 1
    compared = blocks = 0
    for name, text in good.items():
        body = parse(text)
        if any(block.kind in TOP_BLOCKS for block in body.blocks):
            continue  # two blocks on a line, or a kind behind a comment
        places = [block.at for block in body.blocks] + [item.at for item in body.attributes]
        assert Counter(len(text[:at].encode()) for at in places) == seen[name], name
        compared += 1
        blocks += len(body.blocks)
    assert compared > 300, compared
    assert compared > 0.97 * len(good), f"{compared} of {len(good)} texts were compared"
    assert blocks > 500, blocks


def test_a_parser_that_missed_a_block_would_be_seen() -> None:
    """What this comparison rests on: texts are found at all, and a renamed kind is still a block to us."""
    given = texts()
    assert sum(name.startswith("tests/attacks") for name in given) > 10
    assert sum(name.startswith("tests/gate/corpus") for name in given) > 60
    for text in given.values():
        try:
            body = parse(text)
        except HclError:
            continue
        assert len(parse(FOREIGN.sub(r"\1zz_\2", text)).blocks) == len(body.blocks)
