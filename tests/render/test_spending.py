"""What models took, as people read it: cached tokens, and a price that is not known is said."""

from agent.domain import ModelCall
from agent.render.spending import spending

KNOWN = ModelCall(
    role="strategist", model="anthropic:claude-haiku-5-5", prompt="0", outcome="ok", requests=3, input_tokens=12_345,
    output_tokens=678, cache_read_tokens=9_000, seconds=4.25, usd=0.0123,
)  # fmt: skip
UNKNOWN = ModelCall(
    role="analyst", model="ollama:qwen3:8b", prompt="0", outcome="timeout", requests=1, input_tokens=100, seconds=60
)


def test_no_call_is_no_table() -> None:
    assert spending([]) == ""


def test_one_call_is_one_row_and_its_price() -> None:
    row = "| `strategist` | `anthropic:claude-haiku-5-5` | ok | 3 | 12,345 | 9,000 | 678 | 4.2 | $0.0123 |"
    assert spending([KNOWN]).splitlines()[2:] == [row]


def test_a_price_that_is_not_known_is_said_and_the_sum_is_a_least() -> None:
    lines = spending([KNOWN, UNKNOWN]).splitlines()
    assert lines[3].endswith("| timeout | 1 | 100 | 0 | 0 | 60.0 | not known |")
    assert lines[4] == "| **all** |  |  | 4 | 12,445 | 9,000 | 678 | 64.2 | **at least $0.0123** |"
    assert lines[-1] == "The price of 1 of 2 calls is not known."
    assert "**not known**" in spending([UNKNOWN, UNKNOWN])


def test_a_forged_name_breaks_no_row() -> None:
    forged = KNOWN.model_copy(update={"role": "a|b`c\n@everyone"})
    lines = spending([forged]).splitlines()
    assert len(lines) == 3
    assert lines[2].count("|") == 10
