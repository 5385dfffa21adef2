"""What a second opinion does on the pull request: section, review, check run; and the way past it."""

from typing import Any

from github.PullRequest import PullRequest

from agent.documents import Documents, write
from agent.domain import ChangeSet, Finding, ModelCall, Plan, Proposal, Review, Verdict
from agent.guardrails import Override
from agent.jobs.parts.opinion import CHECK
from tests.jobs.conftest import Desk
from tests.jobs.test_change import UNIT, planned, pull_number, written

MODEL = "model:anthropic:claude-x"
CALL = ModelCall(role="analyst", model="openai:gpt-x", prompt="0" * 12, outcome="ok", input_tokens=900, usd=None)
PATH = f"{UNIT}/main.tf"
OPEN = Finding(
    source="review", rule="review/security", severity="high", message="@everyone can read it <img src=x>",
    path=PATH, line=2,
)  # fmt: skip
COSTS = Finding(
    source="review", rule="review/cost", severity="low", message="more than asked", address="aws_s3_bucket.x"
)


def by_model(desk: Desk) -> Documents:
    """Documents of a request whose code a model wrote, up to its plan."""
    documents = written(desk)
    change = documents.need(ChangeSet)
    write(documents.folder / "change.json", change.model_copy(update={"author": MODEL}))
    desk.propose(documents)
    planned(documents)
    return documents


def opinion(documents: Documents, *findings: Finding, **more: Any) -> None:
    commit = documents.need(Plan).commit
    status = more.pop("status", "findings" if findings else "passed")
    made = Review(status=status, findings=findings, commit=commit, calls=(CALL,), **more)
    write(documents.folder / "review.json", made)


def pull(desk: Desk, documents: Documents) -> PullRequest:
    return desk.person("morgan").get_pull(pull_number(documents))


def section(desk: Desk, documents: Documents, name: str) -> str:
    found = [body for body in desk.status(pull_number(documents)) if body.startswith(f"<!-- infra-agent:{name} -->")]
    return found[0].replace("\\", "") if found else ""


def check(desk: Desk, documents: Documents) -> Any:
    commit = desk.person("morgan").get_commit(documents.need(Proposal).head_sha or "")
    return max(commit.get_check_runs(check_name=CHECK), key=lambda run: run.id)


def test_findings_stand_in_a_section_beside_their_lines_and_in_a_check_once(desk: Desk) -> None:
    documents = by_model(desk)
    opinion(documents, OPEN, COSTS, dropped=2)
    for _ in range(2):
        (judged,) = desk.publish(documents)
        assert isinstance(judged, Verdict)
        assert (judged.status, len(judged.reasons)) == ("needs work", 1)
        assert judged.reasons[0].startswith("review/security: ")
    (posted,) = pull(desk, documents).get_reviews()
    assert (posted.state, posted.user.login) == ("COMMENTED", "github-actions[bot]")
    assert posted.commit_id == documents.need(Proposal).head_sha
    (beside,) = pull(desk, documents).get_review_comments()
    assert (beside.path, beside.position is not None) == (PATH, True)
    assert "`@everyone`" in beside.body
    assert "<img" not in beside.body
    shown = section(desk, documents, "review")
    assert "Second opinion: 1 high, 1 low" in shown
    assert "2 findings rested on no line of the change" in shown
    assert "aws_s3_bucket.x" in shown
    assert "openai:gpt-x" in shown
    run = check(desk, documents)
    assert (run.conclusion, run.output.annotations_count) == ("failure", 1)
    # The same commit, asked once more: what it says now stands in the section, and the commit gets no second review.
    opinion(documents)
    judged = desk.publish(documents)[0]
    assert judged == Verdict(status="ready")
    assert pull(desk, documents).get_reviews().totalCount == 1
    assert "nothing found" in section(desk, documents, "review")
    assert check(desk, documents).conclusion == "success"


def test_a_line_that_github_does_not_take_costs_nothing_but_its_comment(desk: Desk) -> None:
    documents = by_model(desk)
    opinion(documents, OPEN, OPEN.model_copy(update={"line": 9_999}))
    desk.publish(documents)
    assert pull(desk, documents).get_reviews().totalCount == 0
    assert "Second opinion: 2 high" in section(desk, documents, "review")


def test_L02_a_models_code_without_a_second_opinion_is_not_ready_and_says_so(desk: Desk) -> None:
    documents = by_model(desk)
    opinion(documents, status="inconclusive", reason="the model refused to answer")
    (judged,) = desk.publish(documents)
    assert isinstance(judged, Verdict)
    assert (judged.status, len(judged.reasons)) == ("needs work", 1)
    assert "the model refused to answer" in judged.reasons[0]
    shown = section(desk, documents, "review")
    assert "inconclusive" in shown
    assert "so the change is not ready" in shown
    assert check(desk, documents).conclusion == "failure"
    # A review of another commit is no review of this one.
    opinion(documents)
    moved = documents.need(Review).model_copy(update={"commit": "d" * 40})
    write(documents.folder / "review.json", moved)
    assert desk.publish(documents)[0].model_dump()["status"] == "needs work"
    (documents.folder / "review.json").unlink()
    assert desk.publish(documents)[0].model_dump()["status"] == "needs work"
    assert "none was had" in section(desk, documents, "review")


def test_a_golden_path_is_ready_without_one_and_the_pull_request_says_that_there_was_none(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    opinion(documents, status="none", reason="no model of the role analyst is configured")
    assert desk.publish(documents)[0] == Verdict(status="ready")
    assert section(desk, documents, "review") == ""
    said = section(desk, documents, "verdict")
    assert "second opinion: none was had (no model of the role analyst is configured)" in said
    assert check(desk, documents).conclusion == "neutral"


def test_review_plans_and_reviews_again_and_what_a_model_wrote_stays_a_models(desk: Desk) -> None:
    documents = by_model(desk)
    number = pull_number(documents)
    desk.person("casey").create_file(f"{UNIT}/more.tf", "by hand", "# more\n", branch="agent/1")
    request, later = desk.say(number, "/agent review")
    assert (request.status, request.trigger, request.route) == ("accepted", "review", "plan")
    assert later.need(ChangeSet).author == MODEL
    assert later.need(ChangeSet).status == "written"


def test_who_is_named_sets_a_finding_aside_and_nothing_is_written_anew(desk: Desk) -> None:
    documents = by_model(desk)
    number = pull_number(documents)
    named = Override(rules=("review/*",), logins=("morgan",))
    desk.guardrails = desk.guardrails.model_copy(update={"overrides": (named,)})
    refused, _ = desk.say(number, "/agent override review/security I say so", login="casey")
    assert refused.status == "refused"
    assert "not yours to override: morgan can" in refused.reasons[0]
    misspelt, _ = desk.say(number, "/agent override review/secruity it is known", login="morgan")
    assert "Did you mean review/security?" in misspelt.reasons[0]
    head = desk.person("morgan").get_pull(number).head.sha
    for commit, said in (("", "name the commit that was reviewed"), ("=" + "0" * 40, f"stands at {head[:7]}, not at")):
        refused, _ = desk.say(number, f"/agent override review/security{commit} it is public", login="morgan")
        assert (refused.status, said in refused.reasons[0]) == ("refused", True)
    command = f"/agent override review/security={head} it is a public site"
    request, later = desk.say(number, command, login="morgan")
    assert (request.status, request.route) == ("accepted", "plan")
    assert [one.rule for one in request.overrides] == ["review/security"]
    for name in ("findings", "proposal"):
        (later.folder / f"{name}.json").write_bytes((documents.folder / f"{name}.json").read_bytes())
    planned(later)
    opinion(later, OPEN)
    judged = desk.publish(later)[0]
    assert judged == Verdict(status="ready")
    assert "Nothing of it holds the change up" in section(desk, documents, "review")
    # What is written anew is reviewed anew.
    desk.say(number, "/agent revise make it private", login="casey")
    again, _ = desk.say(number, "/agent plan", login="casey")
    assert again.overrides == ()
