"""Who pushed or asked for a change approves it in no way: git's author is whoever the pusher wrote there."""

import subprocess
from datetime import UTC, datetime

import git
import pytest

from agent.documents import parse, write
from agent.domain import Seal
from agent.github import read
from agent.jobs.parts import askers
from agent.jobs.parts.vote import PLAN_CHECK
from tests.jobs.conftest import REPOSITORY, Desk
from tests.jobs.merging import UNIT, asked, checkout, dispatched, merged, open_pull, put_seal, resolved, sealed_pull
from tests.jobs.test_change import CLEAN, planned, pull_number, ready, written


def colleagues(desk: Desk, *logins: str) -> None:
    for login in logins:
        desk.tokens[login] = desk.forge.create_user(login)
        desk.forge.set_permission(REPOSITORY, login, "write")


def pushed(desk: Desk, *, by: str, message: str = "more", mail: str = "morgan@users.noreply.github.com") -> str:
    """A commit on agent/1 that names Morgan as its author, pushed with the token of `by`."""
    repo = git.Repo(checkout(desk))
    repo.git.fetch("origin", "agent/1")
    head = repo.commit("FETCH_HEAD").hexsha
    repo.git.checkout("--quiet", "--detach", head)
    folder = checkout(desk) / UNIT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "more.tf").write_text("# more\n")
    repo.git.add("-A")
    repo.git.execute(["git", "-c", "user.name=Morgan", "-c", f"user.email={mail}", "commit", "--quiet", "-m", message])
    url = desk.remote().url.replace("http://", f"http://x:{desk.tokens[by]}@")
    subprocess.run(["git", "push", "--quiet", url, "HEAD:refs/heads/agent/1"], cwd=checkout(desk), check=True)
    return repo.commit("HEAD").hexsha


@pytest.mark.parametrize("mail", ["morgan@users.noreply.github.com", "nobody@example.com"])
def test_who_pushed_the_last_commit_does_not_approve_it_under_another_name(desk: Desk, mail: str) -> None:
    colleagues(desk, "lee", "erin")
    asked(desk, 1)
    desk.person("casey").create_issue("A bucket", "please")
    open_pull(desk)
    head = pushed(desk, by="lee", mail=mail)
    pull = desk.person("casey").get_pull(2)
    assert pull.head.sha == head
    put_seal(desk, pull)
    desk.person("lee").get_issue(2).create_comment(f"/agent approve {head}")
    desk.person("lee").get_pull(2).create_review(event="APPROVE")
    push = merged(desk, pull, by="lee")
    desk.person("casey").get_git_matching_refs("heads/agent/1")[0].delete()
    assert "so far nobody" in resolved(desk, push).reasons[0]
    desk.person("erin").get_issue(2).create_comment(f"/agent approve {head}")
    assert [one.login for one in resolved(desk, push).approvers] == ["erin"]


def test_while_github_does_not_say_who_pushed_nobody_approved(desk: Desk) -> None:
    asked(desk, 1)
    push = merged(desk, sealed_pull(desk))
    assert resolved(desk, push).status == "apply"
    for status in (500, 403, 404):
        desk.forge.fail_next("GET", f"/api/v3/repos/{REPOSITORY}/activity", status, times=9)
        merge = resolved(desk, push)
        assert (merge.status, merge.approvers) == ("stopped", ())
        assert "GitHub does not say who pushed" in merge.reasons[0]
        desk.forge.faults.waiting.clear()
    desk.forge.db.run("DELETE FROM activities WHERE ref = 'refs/heads/agent/1' AND kind = 'push'")
    merge = resolved(desk, push)
    assert "is not among them" in merge.reasons[0]
    assert merge.status == resolved(desk, dispatched(2)).status == "stopped"


def sealed_for(desk: Desk, number: int) -> tuple[str, ...]:
    """Whom the seal of a pull request's head names, the requester first."""
    head = desk.person("morgan").get_pull(number).head.sha
    text = read.check_output(desk.connection(), commit=head, check=PLAN_CHECK, until=None)
    assert text
    return parse(Seal, text, source="seal").askers


def planned_again(desk: Desk, number: int) -> tuple[str, ...]:
    """`/agent plan` by somebody else, up to the seal; whom it names."""
    request, documents = desk.say(number, "/agent plan", login="morgan")
    assert request.status == "accepted", request.reasons
    write(documents.folder / "findings.json", CLEAN)
    return request.askers


def test_who_asked_for_a_rollback_does_not_approve_it_when_it_is_planned_again(desk: Desk) -> None:
    colleagues(desk, "lee")
    documents = ready(desk)
    assert desk.person("morgan").get_pull(pull_number(documents)).merge().merged
    request, documents = desk.say(1, "/agent rollback", login="lee")
    assert request.askers == ("lee", "casey")
    write(documents.folder / "findings.json", CLEAN)
    desk.propose(documents)
    planned(documents)
    desk.publish(documents)
    number = pull_number(documents)
    assert sealed_for(desk, number) == ("lee", "casey")
    assert planned_again(desk, number) == ("lee", "casey")


def test_who_revised_a_change_does_not_approve_it_whatever_is_pushed_on_top(desk: Desk) -> None:
    colleagues(desk, "lee", "erin")
    asked(desk, 1)
    ready(desk)
    request, documents = desk.say(1, "/agent revise name: elsewhere", login="lee")
    assert (request.requester, request.askers) == ("casey", ("casey", "lee"))
    desk.author(documents)
    write(documents.folder / "findings.json", CLEAN)
    desk.propose(documents)
    planned(documents)
    desk.publish(documents)
    number = pull_number(documents)
    assert sealed_for(desk, number) == ("casey", "lee")
    pull = desk.person("morgan").get_pull(number)
    push = merged(desk, pull, by="lee")
    desk.now = datetime.now(UTC)
    assert "so far nobody" in resolved(desk, push).reasons[0]


def test_a_name_in_a_commit_takes_none_away(desk: Desk) -> None:
    colleagues(desk, "lee", "erin")
    documents = written(desk)
    desk.propose(documents)
    number = pull_number(documents)
    pushed(desk, by="erin", message="more\n\nAsked-by: nobody")
    assert planned_again(desk, number) == ("nobody", "casey")


def test_the_line_names_logins_and_nothing_else() -> None:
    line = askers.trailer(["casey", "dependabot[bot]", "casey", "lee\n\nCloses: #1 @all", ""])
    assert line == "Asked-by: casey, dependabot[bot], leeCloses1all"
    assert askers.from_messages([f"a\n\n{line}\n", "b\n\nAsked-by: x y\n", "c\n\nAsked-by: morgan"]) == (
        "casey", "dependabot[bot]", "leeCloses1all", "morgan",
    )  # fmt: skip
