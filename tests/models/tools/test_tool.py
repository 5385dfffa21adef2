"""Every tool: bounded, cut with a word on how to go on, wrong arguments named; the roles ask for tools that exist."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import ToolError, UserError
from agent.models.call import MOST_TOOL_CHARACTERS
from agent.models.data import BYTES_A_TOKEN
from agent.models.roles import load_roles
from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.tool import MOST_BYTES, Arguments, Tool, answer, bounded, tokens_of


def test_there_are_twenty_tools_and_more_and_each_says_what_it_is() -> None:
    assert len(TOOLS) >= 20
    for name, tool in TOOLS.items():
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name)
        assert tool.description.endswith(".")
        for field, what in tool.parameters.model_fields.items():
            assert what.description, f"{name}: {field} is not explained"
        # What a call to a model would cut out of the middle must have been cut between lines before.
        assert tool.tokens * BYTES_A_TOKEN <= MOST_TOOL_CHARACTERS, name


def test_packaged_roles_name_tools_that_exist(tmp_path: Path) -> None:
    roles = load_roles(tmp_path, tools=frozenset(TOOLS))
    assert "check-draft" in roles["author-terraform"].tools
    assert {tool for role in roles.values() for tool in role.tools} >= set(TOOLS) - {"waivers"}


LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=700)
CUT = re.compile(r"\[cut: lines \d+ to \d+ of \d+; ask again with skip_lines=(\d+) for what follows\]")


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=60), st.integers(80, 400))
def test_a_cut_answer_goes_on_where_it_ended(lines: list[str], tokens: int) -> None:
    text = "\n".join(lines)
    count = len(text.rstrip("\n").split("\n"))
    skip, seen = 0, list[str]()
    for _ in range(count):
        part = bounded(text, tokens=tokens, skip=skip)
        assert tokens_of(part) <= tokens
        *body, last = part.split("\n")
        following = CUT.fullmatch(last)
        if following is None:
            seen += [*body, last]
            break
        assert int(following[1]) > skip
        skip = int(following[1])
        seen += body
    assert len(seen) == count
    for shown, line in zip(seen, text.rstrip("\n").split("\n"), strict=True):
        assert shown == line or (shown.endswith("left out …]") and line.startswith(shown.split(" [… the rest")[0]))


def test_a_very_long_answer_is_cut_and_says_so(place: Place) -> None:
    tool = Tool("long", "Long.", Arguments, lambda place, given: "line of text\n" * 40_000, tokens=500)
    assert "ask again with skip_lines=" in answer(tool, place, {})
    last = answer(tool, place, {"skip_lines": MOST_BYTES // 13 - 3})
    assert "bytes more are not shown at all" in last
    assert "no more" in answer(tool, place, {"skip_lines": 900_000})


def test_wrong_arguments_are_named(place: Place) -> None:
    with pytest.raises(UserError, match=r"read-file: path: Field required"):
        answer(TOOLS["read-file"], place, {})
    with pytest.raises(UserError, match=r"no such argument; there are skip_lines, path"):
        answer(TOOLS["read-file"], place, {"file": "x", "path": "infra/x"})
    with pytest.raises(UserError, match=r"resource-schema: type: String should match"):
        answer(TOOLS["resource-schema"], place, {"type": "../../etc/passwd"})


def test_a_tool_that_cannot_answer_says_so_without_a_secret(place: Place) -> None:
    def fails(place: Place, given: Arguments) -> str:
        raise ToolError("it broke at hunter2-and-more", log="hunter2-and-more")

    with pytest.raises(UserError, match=r"broken could not answer: it broke at \(redacted\)"):
        answer(Tool("broken", "x.", Arguments, fails), _with(place, "hunter2-and-more"), {})


def _with(place: Place, secret: str) -> Place:
    from dataclasses import replace

    return replace(place, secrets=(secret,))
