"""What a job says on its run's page."""

from agent.domain import Proposal
from agent.github.client import Usage
from agent.render.page import Context
from agent.render.summary import job_summary, numbers

CONTEXT = Context(repository="https://github.com/acme/infra", secrets=("hunter2hunter2",))


def test_status_links_reasons_and_calls_are_there() -> None:
    usage = Usage(calls=12, writes=3, waited=4.4, left=988)
    proposal = Proposal(status="proposed", pull_request=7)
    text = job_summary(
        CONTEXT, job="propose", status="opened", reasons=("because",), links=numbers([proposal]), usage=usage
    )
    assert text.startswith("### propose: opened\n")
    assert "- pull request: [#7](https://github.com/acme/infra/pull/7)" in text
    assert "- because" in text
    assert "12 calls to GitHub's API, 3 of them to write; 4 s waited for it; 988 calls left of this hour" in text


def test_what_others_wrote_is_inert_and_redacted() -> None:
    reasons = ("@octocat <img src=x> ![a](http://evil.example/x) hunter2hunter2 closes #1", *["x"] * 30)
    text = job_summary(CONTEXT, job="publish", status="failed", reasons=reasons)
    assert "hunter2" not in text
    assert "<img" not in text
    assert "](http://evil" not in text
    assert "… and 11 more" in text
    assert "API" not in text
