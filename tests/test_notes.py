"""Notes: what is refused, what is marked, and that a note's text never gets out of its place."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agent.clean import clean
from agent.notes import against, flags, written
from tests.jobs.test_restore import M01

HOSTS = ("docs.github.com", "github.example:8443")
WHEN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", M01)
def test_M01_what_orders_the_agent_is_refused(text: str) -> None:
    assert against(clean(text).text, link_hosts=HOSTS)


@pytest.mark.parametrize(
    "text",
    [
        "Buckets of the data team live in eu-west-1, since their readers do.",
        "The checks in staging take long on Mondays. See https://docs.github.com/actions for the queue.",
        "Ports 8080 and 9090 are taken on the ingress nodes; time is 12:30 in the window.",
        "Use of t3.micro was measured in 2026: 4 of them hold the load.",
        "Our runbook is https://github.example:8443/acme/infra/wiki",
    ],
)
def test_what_people_note_is_let_through(text: str) -> None:
    assert against(text, link_hosts=HOSTS) == ()


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/", "http://docs.github.com.evil.example", "https://docs.github.com@evil.example/x",
        "javascript:alert(1)", "data:text/html,x", "www.evil.example", "ftp://docs.github.com/x", "https://[::1/x",
        "HTTPS://EVIL.EXAMPLE", "https://github.example:1/x",
    ],
)  # fmt: skip
def test_links_go_to_the_allowed_hosts_alone(link: str) -> None:
    assert against(f"A note with a link: {link} for more", link_hosts=HOSTS)


def test_a_note_that_is_too_short_or_too_long_is_none() -> None:
    assert against("short", link_hosts=HOSTS)
    assert against("long " * 500, link_hosts=HOSTS)


def test_what_reads_like_an_order_is_marked() -> None:
    assert flags("Buckets are named by team. Never use dots in them.") == (
        "reads like an order, look twice: Never use dots in them",
    )
    assert flags("Buckets are named by team.") == ()


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=40))
def test_the_front_matter_holds_whatever_the_text(text: str, author: str) -> None:
    note = written(clean(text).text, author=clean(author).text, issue=7, now=WHEN, source=9)
    assert note.path.startswith("knowledge/")
    assert note.path.endswith(".md")
    assert ".." not in note.path
    assert note.path.isascii()
    front = note.text.split("---\n")[1]
    data = YAML(typ="safe", pure=True).load(front)
    assert set(data) == {"title", "author", "date", "source"}
    assert data["source"] == "issue 7, comment 9"
