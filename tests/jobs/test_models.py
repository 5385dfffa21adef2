"""Requests that models read: questions, golden paths, confirmations, fallbacks; and what a model could not finish."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.documents import Documents, write
from agent.domain import ChangeSet, Intent, Proposal, Seal, Verdict
from tests.author.scripted import scripted
from tests.author.test_strategist import GOLDEN, said
from tests.jobs.conftest import Desk
from tests.jobs.test_change import CLEAN, planned, pull_number, ready, written
from tests.jobs.test_request import file, form
from tests.models.server import Seen, refusal

UNCLEAR = form(what="A place for the reports of the team", path="Let the agent choose", parameters="")
LEFT = "infra/terraform/dev/reports/main.tf:2: validate/unsupported-argument: the schema has no argument of this name"


@contextmanager
def authored(desk: Desk, body: str, **answers: Any) -> Iterator[tuple[ChangeSet, Intent, list[Seen], Documents]]:
    """A request up to its author, whose models answer by script."""
    file(desk, body)
    documents = desk.documents()
    desk.intake(documents, desk.last("issues"))
    with scripted({kind: [one] for kind, one in answers.items()}) as (models, seen):
        desk.models = models
        change, intent = desk.author(documents)
    assert isinstance(change, ChangeSet)
    assert isinstance(intent, Intent)
    yield change, intent, seen, documents


def labels(desk: Desk, number: int) -> set[str]:
    return {label.name for label in desk.person("morgan").get_issue(number).labels}


def test_a_golden_path_that_the_strategist_chose_is_written_by_no_model(desk: Desk) -> None:
    with authored(desk, UNCLEAR, understand=GOLDEN) as (change, intent, seen, _):
        assert (change.status, change.author, change.calls) == ("written", "blueprint:s3-bucket", ())
        assert (len(seen), len(intent.calls)) == (1, 1)
        assert intent.risk == "medium"  # it holds data, whatever the strategist said


def test_a_golden_path_that_a_person_named_asks_no_model(desk: Desk) -> None:
    with authored(desk, form(), understand=refusal("anthropic")) as (change, intent, seen, _):
        assert (change.status, seen, intent.calls) == ("written", [], ())


def test_an_unclear_request_becomes_questions_on_the_issue(desk: Desk) -> None:
    question = {"field": "retention", "question": "How long are they kept?", "suggestion": "400 days"}
    with authored(desk, UNCLEAR, understand=said(questions=[question])) as (change, _, _, documents):
        assert (change.status, change.files) == ("needs-info", ())
        desk.publish(documents, intake="success", author="success")
    (body,) = desk.status(1)
    assert "How long are they kept?" in body
    assert "/agent revise retention: 400 days" in body
    assert labels(desk, 1) == {"agent:needs-info"}


def test_a_strategist_without_an_answer_leaves_the_request_to_the_rules_and_says_so(desk: Desk) -> None:
    clear = form(what="A bucket for reports, named `team-reports`", path="Let the agent choose", parameters="")
    with authored(desk, clear, understand=refusal("anthropic")) as (change, intent, _, documents):
        assert (change.status, change.author) == ("written", "blueprint:s3-bucket")
        assert intent.fallback == "the model refused to answer"
        assert [call.outcome for call in intent.calls] == ["refused"]
        write(documents.folder / "findings.json", CLEAN)
        desk.propose(documents)
    # People read it before anything else, on the issue and on the pull request.
    said = "A model was asked to read this request and gave no usable answer"
    (body,) = desk.status(1)
    pull = desk.person("morgan").get_pull(pull_number(documents))
    assert body.index(said) < body.index("| Stage |")
    assert pull.body.index(said) < pull.body.index("| Request |")
    assert "the model refused to answer" in body[body.index(said) :].split("\n")[0]


def test_questions_of_the_rules_say_too_that_no_model_read_the_request(desk: Desk) -> None:
    with authored(desk, UNCLEAR, understand=refusal("anthropic")) as (change, intent, _, documents):
        assert (change.status, intent.fallback) == ("needs-info", "the model refused to answer")
        desk.publish(documents, intake="success", author="success")
    (body,) = desk.status(1)
    assert body.index("rules alone read it: the model refused to answer") < body.index("| Stage |")


def test_a_risky_intent_waits_for_a_person_before_an_author_is_asked(desk: Desk) -> None:
    risky = said(types=["aws_iam_role"], environment="prod", units=["infra/terraform/prod/roles"])
    unclear = form(what="A role for the team", environment="prod", path="Let the agent choose", parameters="")
    with authored(desk, unclear, understand=risky) as (change, intent, seen, _):
        assert (change.status, change.files, intent.risk, len(seen)) == ("needs-confirm", (), "high", 1)


def test_what_the_guardrails_refuse_is_refused_before_an_author_is_asked(desk: Desk) -> None:
    with authored(desk, UNCLEAR, understand=said(types=["aws_iam_user"])) as (change, _, seen, documents):
        assert (change.status, len(seen)) == ("refused", 1)
        assert change.refusals[0].rule == "preflight/type"
        assert documents.need(ChangeSet).files == ()


def test_an_author_without_an_answer_leaves_it_to_a_person(desk: Desk) -> None:
    with authored(desk, UNCLEAR, understand=said(), outline=refusal("anthropic")) as (change, _, _, documents):
        assert (change.status, change.refusals[0].rule) == ("refused", "author/no-answer")
        assert [call.outcome for call in change.calls] == ["refused"]
        desk.publish(documents, intake="success", author="success")
    (body,) = desk.status(1)
    assert "gave no usable answer" in body
    assert "What language models took" in body
    assert labels(desk, 1) == {"agent:needs-human"}
    assert desk.branches() == ["main"]


# --- what could not be finished -----------------------------------------------------------------------------------


def unfinished(desk: Desk) -> Documents:
    """A written change that its author could not finish, proposed."""
    documents = written(desk)
    change = documents.need(ChangeSet)
    more = {"status": "unfinished", "author": "model:x", "reasons": (LEFT,)}
    write(documents.folder / "change.json", change.model_copy(update=more))
    (proposal,) = desk.propose(documents)
    assert isinstance(proposal, Proposal)
    assert proposal.status == "proposed"
    return documents


def test_an_unfinished_change_is_a_draft_with_what_is_left_and_is_never_sealed(desk: Desk) -> None:
    documents = unfinished(desk)
    planned(documents)
    made = desk.publish(documents)
    assert not any(isinstance(one, Seal) for one in made)
    assert isinstance(made[0], Verdict)
    assert made[0].status == "needs work"
    assert f"not finished: {LEFT}" in made[0].reasons
    pull = desk.person("morgan").get_pull(pull_number(documents))
    assert pull.draft
    assert "validate/unsupported-argument" in pull.body
    assert labels(desk, pull.number) == {"agent:needs-human"}
    assert labels(desk, 1) == {"agent:needs-human"}
    assert "A person takes over" in desk.status(1)[0]


def test_a_draft_is_not_sealed_whatever_a_later_run_says_of_it(desk: Desk) -> None:
    documents = unfinished(desk)
    again = documents.need(ChangeSet).model_copy(update={"status": "written", "author": "person:casey", "reasons": ()})
    write(documents.folder / "change.json", again)
    planned(documents)
    (judged,) = desk.publish(documents)
    assert isinstance(judged, Verdict)
    assert judged.status == "needs work"
    assert "agent:needs-human" in judged.reasons[0]
    # A label alone is enough, where the repository has no drafts; and so is the draft alone.
    number = pull_number(documents)
    desk.forge.db.run("UPDATE pulls SET draft = 0")
    assert desk.publish(documents)[0].status == "needs work"  # type: ignore[attr-defined]
    desk.person("morgan").get_issue(number).remove_from_labels("agent:needs-human")
    desk.forge.db.run("UPDATE pulls SET draft = 1")
    assert desk.publish(documents)[0].status == "needs work"  # type: ignore[attr-defined]
    desk.forge.db.run("UPDATE pulls SET draft = 0")
    made = desk.publish(documents)
    assert [type(one) for one in made] == [Verdict, Seal]


def test_a_change_that_is_finished_later_loses_the_label(desk: Desk) -> None:
    documents = unfinished(desk)
    number = pull_number(documents)
    change = documents.need(ChangeSet).model_copy(update={"status": "written", "reasons": ()})
    write(documents.folder / "change.json", change)
    desk.propose(documents)
    assert labels(desk, number) == set()


def test_an_ordinary_change_is_no_draft(desk: Desk) -> None:
    documents = ready(desk)
    pull = desk.person("morgan").get_pull(pull_number(documents))
    assert not pull.draft
    assert labels(desk, pull.number) == set()
