"""From an issue to an answer: who is heard, what is asked, and that a wrong request leaves nothing behind."""

import pytest
from github.Issue import Issue

from agent.domain import ChangeSet, Request
from tests.jobs.conftest import Desk

FORM = """\
### What do you need?

{what}

### Environment

{environment}

### Golden path

{path}

### Parameters

{parameters}"""


def form(
    what: str = "A bucket", environment: str = "dev", path: str = "s3-bucket", parameters: str = "name: reports"
) -> str:
    return FORM.format(what=what, environment=environment, path=path, parameters=parameters)


def file(desk: Desk, body: str, *, title: str = "Please", login: str = "casey") -> Issue:
    return desk.person(login).create_issue(title=title, body=body, labels=["infra-request"])


def asked(desk: Desk, issue: Issue) -> tuple[Request, str]:
    """Run the jobs up to the answer; the request and the one comment that was written."""
    documents = desk.documents()
    request = desk.intake(documents, desk.last("issues"))
    assert request.status == "accepted"
    desk.author(documents)
    desk.publish(documents, intake="success", author="success", examine="skipped", propose="skipped", plan="skipped")
    (comment,) = desk.status(issue.number)
    return request, comment


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "blueprint"),
        (None, "blueprint"),
        ("x" * 65_536, "blueprint"),
        ("🪣🙏 من فضلك أنشئ \u202eدلو\u202c", "blueprint"),
        (form(parameters="- a\n- list"), "parameters"),
        (form(parameters="name: [unclosed"), "parameters"),
        (form(parameters=""), "name"),
        (form(parameters="Name: My_Bucket!"), "my-bucket"),
        (form(environment="production-eu"), "environment"),
        (form(path="mainframe"), "blueprint"),
    ],
)
def test_a_wrong_request_is_answered_and_leaves_nothing(desk: Desk, body: str | None, said: str) -> None:
    issue = file(desk, body or "")
    _, comment = asked(desk, issue)
    assert said in comment
    assert "Traceback" not in comment
    assert desk.branches() == ["main"]
    assert list(desk.person("morgan").get_pulls(state="all")) == []
    labels = {label.name for label in desk.person("morgan").get_issue(issue.number).labels}
    assert labels == {"agent:needs-info"}


def test_a_name_that_stands_already_is_asked_about(desk: Desk) -> None:
    path = "infra/terraform/dev/reports/main.tf"
    desk.person("morgan").create_file(path, "by hand", 'resource "aws_s3_bucket" "x" {\n  bucket = "reports"\n}\n')
    issue = file(desk, form(parameters="name: reports"))
    _, comment = asked(desk, issue)
    assert "must be new" in comment
    assert desk.branches() == ["main"]


def test_an_answer_goes_on_from_there(desk: Desk) -> None:
    issue = file(desk, form(parameters="Name: My_Bucket!"))
    asked(desk, issue)
    desk.person("casey").get_issue(issue.number).create_comment("/agent revise name: my-bucket")
    documents = desk.documents()
    request = desk.intake(documents, desk.last("issue_comment"))
    assert (request.trigger, request.answers) == ("revise", ("name: my-bucket",))
    change = desk.author(documents)[0]
    assert isinstance(change, ChangeSet)
    assert (change.status, change.units) == ("written", ("infra/terraform/dev/my-bucket",))


@pytest.mark.parametrize("parameters", ["Name: My_Bucket!\nversionning: yes", "versionning: yes", "name: -\nnme: x"])
def test_the_answer_that_the_comment_offers_is_one(desk: Desk, parameters: str) -> None:
    issue = file(desk, form(parameters=parameters))
    _, comment = asked(desk, issue)
    offered = comment.split("```")[1].strip("\n")
    desk.person("casey").get_issue(issue.number).create_comment(offered)
    documents = desk.documents()
    desk.intake(documents, desk.last("issue_comment"))
    change = desk.author(documents)[0]
    assert isinstance(change, ChangeSet)
    assert change.status == "written", offered


def test_an_edited_form_and_the_label_start_afresh(desk: Desk) -> None:
    issue = file(desk, form(parameters="name: Wrong!"))
    asked(desk, issue)
    mine = desk.person("casey").get_issue(issue.number)
    mine.create_comment("/agent revise name: from-the-comment")
    mine.edit(body=form(parameters="name: from-the-form"))
    mine.add_to_labels("infra-request")
    documents = desk.documents()
    assert desk.intake(documents, desk.last("issues")).answers == ()
    change = desk.author(documents)[0]
    assert isinstance(change, ChangeSet)
    assert change.units == ("infra/terraform/dev/from-the-form",)


@pytest.mark.parametrize("login", ["robin", "sam"])
def test_G01_G14_who_may_not_write_is_not_heard(desk: Desk, login: str) -> None:
    issue = file(desk, form())
    desk.events.clear()
    desk.person(login).get_issue(issue.number).create_comment("/agent revise name: mine")
    request = desk.intake(desk.documents(), desk.last("issue_comment"))
    assert request.status == "ignored"
    assert "denied" in request.reasons[0]
    assert desk.status(issue.number) == []


def test_G22_no_answer_about_a_permission_is_a_no(desk: Desk) -> None:
    from agent.errors import Denied

    file(desk, form())
    desk.forge.fail_next("GET", r".*/collaborators/.*", status=500, times=10)
    with pytest.raises(Denied, match="counts as not allowed"):
        desk.intake(desk.documents(), desk.last("issues"))


@pytest.mark.parametrize("body", ["> /agent revise x", "```\n/agent revise x\n```", "please /agent revise x", "thanks"])
def test_G07_G08_what_is_no_command_is_ignored(desk: Desk, body: str) -> None:
    issue = file(desk, form())
    desk.person("casey").get_issue(issue.number).create_comment(body)
    assert desk.intake(desk.documents(), desk.last("issue_comment")).status == "ignored"


def test_G10_a_flag_is_answered_with_usage(desk: Desk) -> None:
    issue = file(desk, form())
    desk.person("casey").get_issue(issue.number).create_comment("/agent revise --dir=../../.github")
    documents = desk.documents()
    request = desk.intake(documents, desk.last("issue_comment"))
    assert (request.status, request.trigger, request.route) == ("refused", "usage", "steer")
    desk.steer(documents)
    (answer,) = desk.status(issue.number)
    assert "takes no flags" in answer
    desk.steer(documents)
    assert len(desk.status(issue.number)) == 1


def test_G05_the_agents_own_comment_is_never_a_command(desk: Desk) -> None:
    from agent.github import write

    issue = file(desk, form())
    write.upsert_comment(desk.connection(), issue.number, marker="/agent", body="/agent revise name: loop")
    own = [event for event in desk.events if event.name == "issue_comment"]
    assert own[-1].by_job_token
    assert desk.intake(desk.documents(), own[-1]).status == "ignored"


def test_another_label_is_not_for_us(desk: Desk) -> None:
    desk.person("casey").create_issue(title="x", body=form(), labels=["bug"])
    assert desk.intake(desk.documents(), desk.last("issues")).status == "ignored"
