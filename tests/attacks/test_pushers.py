"""Who pushed or asked for a change approves it in no way: git's author is whoever the pusher wrote there."""

import subprocess
from datetime import UTC, datetime

import git
import pytest

from agent.documents import parse, write
from agent.domain import Seal
from agent.github import pushers, read
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


def to_approve(desk: Desk, head: str) -> None:
    """Pull request 2 stands sealed at `head`, and one approval is asked for."""
    asked(desk, 1)
    pull = desk.person("casey").get_pull(2)
    assert pull.head.sha == head
    put_seal(desk, pull)


def who_counts(desk: Desk, head: str, *logins: str) -> list[str]:
    """Who of `logins` counts when all of them approve `head` and Casey, who asked for it, merges."""
    for login in logins:
        desk.person(login).get_issue(2).create_comment(f"/agent approve {head}")
    push = merged(desk, desk.person("casey").get_pull(2), by="casey")
    return [one.login for one in resolved(desk, push).approvers]


def updated(desk: Desk, *, by: str) -> str:
    """What "Update branch" does to agent/1: a merge of main on top, by `by`."""
    desk.person("morgan").create_file("docs/news.md", "news", "# News\n", branch="main")
    repo = git.Repo(checkout(desk))
    repo.git.fetch("origin", "main:refs/remotes/origin/main", "agent/1:refs/remotes/origin/agent/1")
    repo.git.checkout("--quiet", "--detach", "origin/agent/1")
    name = ["-c", f"user.name={by}", "-c", f"user.email={by}@users.noreply.github.com"]
    repo.git.execute(["git", *name, "merge", "--quiet", "--no-ff", "--no-edit", "origin/main"])
    return sent(desk, by=by)


def sent(desk: Desk, *more: str, by: str, to: str = "agent/1") -> str:
    url = desk.remote().url.replace("http://", f"http://x:{desk.tokens[by]}@")
    subprocess.run(["git", "push", "--quiet", *more, url, f"HEAD:refs/heads/{to}"], cwd=checkout(desk), check=True)
    return git.Repo(checkout(desk)).commit("HEAD").hexsha


def test_an_update_of_the_branch_makes_nobody_before_it_an_approver(desk: Desk) -> None:
    colleagues(desk, "lee", "erin")
    desk.person("casey").create_issue("A bucket", "please")
    open_pull(desk)
    pushed(desk, by="lee", mail="nobody@example.com")
    head = updated(desk, by="morgan")
    to_approve(desk, head)
    assert who_counts(desk, head, "lee", "morgan", "erin") == ["erin"]


def test_who_pushed_what_was_replaced_or_restored_since_does_not_approve(desk: Desk) -> None:
    colleagues(desk, "lee", "erin")
    desk.person("casey").create_issue("A bucket", "please")
    open_pull(desk)
    pushed(desk, by="lee", mail="nobody@example.com")
    repo = git.Repo(checkout(desk))
    repo.git.execute(["git", "-c", "user.name=x", "-c", "user.email=x@y", "commit", "--amend", "--quiet", "-m", "same"])
    head = sent(desk, "--force", by="morgan")
    desk.person("casey").get_git_matching_refs("heads/agent/1")[0].delete()
    assert sent(desk, by="morgan") == head
    desk.person("casey").get_pull(2).edit(state="open")
    to_approve(desk, head)
    assert who_counts(desk, head, "lee", "morgan", "erin") == ["erin"]


def test_whose_pull_request_was_merged_into_the_branch_does_not_approve(desk: Desk) -> None:
    colleagues(desk, "lee", "kim", "erin")
    desk.person("casey").create_issue("A bucket", "please")
    open_pull(desk)
    repo = git.Repo(checkout(desk))
    repo.git.fetch("origin", "agent/1")
    repo.git.checkout("--quiet", "--detach", "FETCH_HEAD")
    (checkout(desk) / UNIT).mkdir(parents=True, exist_ok=True)
    for by in ("lee", "kim"):
        (checkout(desk) / UNIT / f"{by}.tf").write_text("# more\n")
        repo.git.add("-A")
        name = ["-c", "user.name=x", "-c", "user.email=nobody@example.com"]
        repo.git.execute(["git", *name, "commit", "--quiet", "-m", "more"])
        sent(desk, by=by, to="small-fix")
    inner = desk.person("lee").create_pull(base="agent/1", head="small-fix", title="A small fix", body="")
    desk.person("morgan").get_pull(inner.number).merge()
    head = desk.person("casey").get_pull(2).head.sha
    to_approve(desk, head)
    assert who_counts(desk, head, "lee", "kim", "morgan", "erin") == ["erin"]


def test_a_branch_with_more_pushes_than_are_read_has_no_approver(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    asked(desk, 1)
    assert resolved(desk, push).status == "apply"
    for count, status in ((pushers.MOST_ACTIVITIES - 2, "apply"), (1, "stopped")):
        for _ in range(count):
            desk.forge.db.run(
                "INSERT INTO activities (repo_id, actor_id, ref, before_sha, after_sha, kind, created_at)"
                " SELECT repo_id, actor_id, ref, before_sha, after_sha, kind, created_at FROM activities"
                " WHERE ref = 'refs/heads/agent/1' LIMIT 1"
            )
        merge = resolved(desk, push)
        assert merge.status == status
    assert merge.approvers == ()
    assert "more than 1000, so not all are read" in merge.reasons[0]


def test_a_pull_request_with_more_commits_than_github_lists_has_no_approver(desk: Desk) -> None:
    colleagues(desk, "erin")
    desk.person("casey").create_issue("A bucket", "please")
    open_pull(desk)
    pushed(desk, by="casey")
    commits = [
        f"commit refs/heads/many\ncommitter x <x@y> 1700000000 +0000\ndata 1\nx\n{start}"
        for start in ("from HEAD^0\n", *[""] * (pushers.MOST_COMMITS - 2))
    ]
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=checkout(desk), check=True, input="\n".join(commits), text=True
    )
    git.Repo(checkout(desk)).git.checkout("--quiet", "--detach", "many")
    head = sent(desk, by="casey")
    to_approve(desk, head)
    desk.person("erin").get_issue(2).create_comment(f"/agent approve {head}")
    merge = resolved(desk, merged(desk, desk.person("casey").get_pull(2), by="casey"))
    assert (merge.status, merge.approvers) == ("stopped", ())
    assert "250 or more, of which GitHub lists no more" in merge.reasons[0]


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
