"""The grammar against people and adversaries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.commands import COMMANDS, Command, Syntax, Usage, parse, usage

SHA = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/agent help", Command(name="help")),
        ("/agent plan", Command(name="plan")),
        ("/agent replan", Command(name="plan")),
        ("/agent plan\r\n\r\nthank you", Command(name="plan")),
        ("/agent\trevise  name: my-bucket  ", Command(name="revise", text="name: my-bucket")),
        ("/agent revise make it smaller\nand cheaper\n", Command(name="revise", text="make it smaller\nand cheaper")),
        ("/agent revise\nname: a\nsize: 3", Command(name="revise", text="name: a\nsize: 3")),
        ("/agent revise\n```yaml\nname: a\ntags:\n  - x\n```\n", Command(name="revise", text="name: a\ntags:\n  - x")),
        ("/agent revise\n~~~~\nname: a\n~~~~", Command(name="revise", text="name: a")),
        ("/agent revise use the --force flag", Command(name="revise", text="use the --force flag")),
        ("/agent revise\n- one\n- two", Command(name="revise", text="- one\n- two")),
        (
            "/agent override preflight/freeze it is on fire\nthanks",
            Command(name="override", text="preflight/freeze it is on fire"),
        ),
        (
            f'/agent approve-destroy {SHA}  aws_x.y["a b"]',
            Command(name="approve-destroy", text=f'{SHA}  aws_x.y["a b"]'),
        ),
    ],
)
def test_understood(body: str, expected: Command) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        "thank you",
        " /agent plan",
        "    /agent plan",
        "\t/agent plan",
        "\n/agent plan",
        "- /agent plan",
        "`/agent plan`",
        "please /agent plan",
        "<!-- x -->/agent plan",
        "/agents plan",
        "/agent-plan",
        "/agentplan",
        "hello\n/agent plan",
        "\\/agent plan",
    ],
)
def test_no_command(body: str) -> None:
    assert parse(body) is None


def test_G07_command_in_a_quote() -> None:
    assert parse(f"> /agent approve {SHA}\nI disagree") is None
    assert parse(">/agent plan") is None


def test_G08_command_in_a_code_fence() -> None:
    assert parse("```\n/agent revise x\n```") is None
    assert parse("~~~\n/agent revise x\n~~~") is None


def test_G05_our_own_echo_of_a_command_is_none() -> None:
    assert parse("`/agent revise add a bucket` was received") is None
    assert parse("<!-- infra-agent:status -->\n/agent plan") is None


@pytest.mark.parametrize(
    "body",
    [
        "/agent revise --dir=../../.github --model=x; rm -rf /",
        "/agent revise -v make it small",
        "/agent plan --var-file=/etc/passwd",
        "/agent --model=x revise y",
    ],
)
def test_G10_flags_are_refused_with_usage(body: str) -> None:
    found = parse(body)
    assert isinstance(found, Usage)
    assert "/agent" in found.message


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("/agent", "needs a command"),
        ("/agent revise", "needs <what to change>"),
        ("/agent revise   \n  \n", "needs <what to change>"),
        ("/agent plan now", "takes nothing more"),
        ("/agent revize x", "Did you mean `/agent revise`?"),
        ("/agent Plan", "Did you mean `/agent plan`?"),
        ("/agent deploy", "is not a command"),
        ("/Agent plan", "small letters"),
        ("/agent <img src=x onerror=alert(1)>", "That is not a command"),
    ],
)
def test_near_misses_get_told(body: str, hint: str) -> None:
    found = parse(body)
    assert isinstance(found, Usage)
    assert hint in found.message
    assert "<img" not in found.message


@pytest.mark.parametrize(
    "body",
    [
        "/аgent plan",  # Cyrillic a
        "/ag\u0435nt plan",
        "/agent\u00a0plan",
        "/ag\u200bent plan",
        "\ufeff/agent plan",
        "/agent\u2028plan",
        "／agent plan",
        "/ａｇｅｎｔ plan",
    ],
)
def test_look_alikes_and_hidden_characters_are_refused(body: str) -> None:
    found = parse(body)
    assert isinstance(found, Usage)
    assert "look-alike" in found.message


@pytest.mark.parametrize("body", ["/agent pl\u0430n", "/agent p\u200blan", "/agent plan\u200b", "/agent \u202eplan"])
def test_a_command_word_in_other_letters_is_no_command(body: str) -> None:
    assert isinstance(parse(body), Usage)


def test_adding_a_command_is_one_line() -> None:
    table = {**COMMANDS, "tag": Syntax(name="tag", argument="<commit>", help="x", pattern=r"[0-9a-f]{40}")}
    assert parse(f"/agent tag {SHA}", commands=table) == Command(name="tag", text=SHA)
    assert isinstance(parse(f"/agent tag {SHA}"), Usage)


@pytest.mark.parametrize("wrong", ["", "abc123", SHA.upper(), f"{SHA} x", SHA[:-1], f"{SHA}a", f"{SHA}\u200b", "HEAD"])
def test_G19_an_approval_names_the_whole_commit(wrong: str) -> None:
    assert parse(f"/agent approve {SHA}") == Command(name="approve", text=SHA)
    found = parse(f"/agent approve {wrong}")
    assert isinstance(found, Usage)
    assert "40-hex" in found.message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/agent confirm", Command(name="confirm")),
        ("/agent unlock", Command(name="unlock")),
        ("/agent unlock infra/terraform/dev/x", Command(name="unlock", text="infra/terraform/dev/x")),
        ("/agent explain aws_s3_bucket.this[0]", Command(name="explain", text="aws_s3_bucket.this[0]")),
        ("/agent remember\nOne line.\nAnother.", Command(name="remember", text="One line.\nAnother.")),
        *(
            (f"/agent {name}\nthanks", Command(name=name))
            for name in ("status", "review", "cancel", "retry", "rollback")
        ),
    ],
)
def test_what_steers_is_understood(body: str, expected: Command) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("/agent confirm yes", "takes nothing more"),
        ("/agent confrim", "Did you mean `/agent confirm`?"),
        ("/agent rolback", "Did you mean `/agent rollback`?"),
        ("/agent explain", "needs <finding or address>"),
        ("/agent unlock ../../etc", "Write `/agent unlock [unit]`"),
        ("/agent unlock --force", "takes no flags"),
        ("/agent remember", "needs <note>"),
    ],
)
def test_near_misses_of_what_steers_get_told(body: str, hint: str) -> None:
    found = parse(body)
    assert isinstance(found, Usage)
    assert hint in found.message


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(COMMANDS)),
    st.text(alphabet="\u200b\u0430\u2062 >`~-=Aa0/", min_size=1, max_size=6),
    st.data(),
)
def test_a_word_that_was_tampered_with_is_never_another_command(name: str, noise: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name)))
    found = parse(f"/agent {name[:at]}{noise}{name[at:]}")
    if isinstance(found, Command):
        words = f"{name[:at]}{noise}{name[at:]}".split()
        assert words[0] in {found.name, *COMMANDS[found.name].aliases}


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=80))
def test_total_and_only_from_the_very_start(body: str) -> None:
    found = parse(body)
    if isinstance(found, Command):
        assert body.startswith("/agent")


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([">", "> ", "- ", "    ", "\t", " ", "`", "```\n", "* ", "1. ", "x", "\\", "#", "|"]),
    st.text(max_size=30),
)
def test_anything_before_it_makes_it_no_command(before: str, after: str) -> None:
    assert not isinstance(parse(f"{before}/agent plan{after}"), Command)


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_only_the_table_makes_commands(word: str) -> None:
    found = parse(f"/agent {word}")
    known = {*COMMANDS, "replan"}
    if isinstance(found, Command):
        assert word.split()[0] in known


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_feedback_is_handed_on_as_it_was_written(text: str) -> None:
    found = parse(f"/agent revise it\n{text}")
    assert found == Command(name="revise", text=f"it\n{text}".strip())


def test_usage_is_what_the_help_shows() -> None:
    assert [usage(one) for one in COMMANDS.values()] == [
        "/agent help",
        "/agent status",
        "/agent confirm",
        "/agent revise <what to change>",
        "/agent plan",
        "/agent review",
        "/agent explain <finding or address>",
        "/agent override <rule>=<value> <reason>",
        "/agent approve <40-hex commit>",
        "/agent approve-destroy <40-hex commit> <address>",
        "/agent cancel",
        "/agent unlock [unit]",
        "/agent retry",
        "/agent rollback",
        "/agent remember <note>",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "/agent override",
        "/agent override preflight/freeze",
        "/agent override preflight/freeze x",
        "/agent override\npreflight/freeze because",
        f"/agent approve-destroy {SHA}",
        f"/agent approve-destroy {SHA[:7]} aws_x.y",
        f"/agent approve-destroy {SHA.upper()} aws_x.y",
        f"/agent approve-destroy {SHA}a aws_x.y",
        "/agent approve-destroy aws_x.y",
        f"/agent approve-destroy aws_x.y {SHA}",
        f"/agent approve-destroy {SHA}\naws_x.y",
    ],
)
def test_T23_half_an_override_or_approval_is_none(body: str) -> None:
    answer = parse(body)
    assert isinstance(answer, Usage)
    assert "Write `/agent " in answer.message
