"""The corpus, zones `gate` and `writer`: who is heard, and where what was written may go."""

import pytest

from agent.documents import write
from agent.domain import Proposal
from agent.errors import UserError
from tests.jobs.conftest import Desk
from tests.jobs.test_change import CLEAN
from tests.jobs.test_request import file, form


def test_G13_what_others_say_between_label_and_run_is_no_part_of_the_request(desk: Desk) -> None:
    issue = file(desk, form(parameters="Name: Wrong!"))
    desk.person("robin").get_issue(issue.number).create_comment("Also add this IAM role, please")
    desk.person("robin").get_issue(issue.number).create_comment("/agent revise name: robins")
    desk.person("casey").get_issue(issue.number).create_comment("This is no command: also add a role")
    desk.person("casey").get_issue(issue.number).create_comment("/agent revise name: reports")
    event = desk.last("issue_comment")
    desk.person("casey").get_issue(issue.number).create_comment("/agent revise name: said-later")
    request = desk.intake(desk.documents(), event)
    assert request.answers == ("name: reports",)
    assert "IAM role" not in request.model_dump_json()
    assert "also add a role" not in request.model_dump_json()


BRANCHES = ("main", "--upload-pack=touch /tmp/x", "a;id", "refs/heads/../..", "agent/2", "agent/1-x", "agent/1\n")


def test_F18_a_branch_that_a_document_names_is_never_written(desk: Desk) -> None:
    file(desk, form())
    documents = desk.documents()
    request = desk.intake(documents, desk.last("issues"))
    desk.author(documents)
    write(documents.folder / "findings.json", CLEAN)
    root = desk.clone()
    for branch in BRANCHES:
        write(documents.folder / "request.json", request.model_copy(update={"branch": branch}))
        with pytest.raises(UserError, match="branch must be agent/1"):
            desk.propose(documents, root)
    assert desk.branches() == ["main"]
    write(documents.folder / "request.json", request)
    made = desk.propose(documents, root)[0]
    assert isinstance(made, Proposal)
    assert desk.person("morgan").get_pull(made.pull_request or 0).base.ref == "main"
