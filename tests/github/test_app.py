"""The App's token: of one repository, with what one job needs; and who the agent is in a job without it."""

import time

import github
import jwt
import pytest

from agent.errors import ToolError, UserError
from agent.github import read, write
from agent.github.access import access
from agent.github.app import GRANTS, end
from agent.github.connect import ACTIONS_APP_ID, ACTIONS_BOT
from agent.sandbox.forge import Event
from tests.github.conftest import NAME, Registered, new_pair
from tests.sandbox.contract import descriptions
from tests.workflows.test_zones import ZONES


def test_a_job_that_writes_writes_as_the_app(registered: Registered) -> None:
    events: list[Event] = []
    registered.forge.on_event = events.append
    found = access(registered.environ(), job="propose")
    connection = found.connect()
    issue = connection.repository.create_issue("t")
    write.upsert_comment(connection, issue.number, marker="<!-- m -->", body="text")
    (comment,) = read.comments(connection, issue.number)
    assert (comment.author, connection.bot, connection.app_id) == (
        "infra-bot[bot]",
        "infra-bot[bot]",
        registered.app_id,
    )
    assert found.minted
    assert [event.by_job_token for event in events] == [False, False]  # such an event starts workflows
    sha = registered.forge.resolve(NAME, "main")
    write.check_run(
        access(registered.environ(), job="publish").connect(),
        name="agent/plan",
        commit=sha,
        conclusion="success",
        title="t",
        summary="s",
        record="the seal",
    )
    reader = access(registered.environ(), job="resolve").connect()
    assert (reader.bot, reader.app_id) == (connection.bot, connection.app_id)
    checks = registered.forge.issue_job_token(NAME, {"checks": "read", "contents": "read"}, run_id=1, job="resolve")
    reader = access(registered.environ(GITHUB_TOKEN=checks), job="resolve").connect()
    assert read.check_output(reader, commit=sha, check="agent/plan", until=None) == "the seal"


def test_a_run_of_a_pull_request_has_no_key_writes_as_the_workflow_and_seals_nothing(registered: Registered) -> None:
    """Its workflow file comes with the pull request: what it could read of the key, everybody with a branch could."""
    token = registered.forge.issue_job_token(NAME, {"issues": "write", "contents": "read"}, run_id=1, job="publish")
    environ = {**registered.environ(GITHUB_TOKEN=token, GITHUB_EVENT_NAME="pull_request"), "INFRA_AGENT_APP_KEY": ""}
    found = access(environ, job="publish").connect()
    assert (found.bot, found.app_id, found.seals) == (ACTIONS_BOT, ACTIONS_APP_ID, False)
    look = access(environ, job="intake").connect()
    assert (look.bot, look.seals) == ("infra-bot[bot]", True), "intake knows the agent's own pushes by its name"
    with pytest.raises(UserError, match="has no INFRA_AGENT_APP_KEY"):
        access({**environ, "GITHUB_EVENT_NAME": "issue_comment"}, job="publish")
    assert access(registered.environ(), job="publish").connect().seals


def test_a_seal_of_another_app_does_not_count(registered: Registered) -> None:
    sha = registered.forge.resolve(NAME, "main")
    token = registered.forge.issue_job_token(NAME, {"checks": "write", "contents": "read"}, run_id=1, job="x")
    plain = {**registered.environ(GITHUB_TOKEN=token), "INFRA_AGENT_APP_ID": ""}
    workflow = access(plain, job="publish").connect()
    assert (workflow.bot, workflow.app_id) == (ACTIONS_BOT, ACTIONS_APP_ID)
    write.check_run(
        workflow, name="agent/plan", commit=sha, conclusion="success", title="t", summary="s", record="forged"
    )
    assert read.check_output(workflow, commit=sha, check="agent/plan", until=None) == "forged"
    reader = access(registered.environ(GITHUB_TOKEN=token), job="resolve").connect()
    assert read.check_output(reader, commit=sha, check="agent/plan", until=None) is None


def test_the_app_s_token_may_what_the_workflow_s_token_may() -> None:
    writing = {job: level for job, level in ZONES.items() if "write" in {**level, "id-token": ""}.values()}
    expected = {
        job: {name.replace("-", "_"): level for name, level in permissions.items()}
        for job, permissions in writing.items()
    }
    assert expected == GRANTS


@pytest.mark.parametrize("job", sorted(GRANTS))
def test_the_token_holds_what_the_job_needs_and_never_workflows(registered: Registered, job: str) -> None:
    connection = access(registered.environ(), job=job).connect()
    granted = GRANTS[job]
    assert "workflows" not in granted
    repo = connection.repository
    if granted.get("contents") == "write":
        with pytest.raises(github.GithubException) as caught:
            repo.create_file(".github/workflows/evil.yml", "m", "on: push\n", branch="main")
        assert caught.value.status == 403
        repo.create_file("infra/x.tf", "m", "x", branch="main")
    else:
        with pytest.raises(github.GithubException) as caught:
            repo.create_file("infra/x.tf", "m", "x", branch="main")
        assert caught.value.status == 403
    path = "/repos/acme/other/issues"
    with pytest.raises(github.GithubException) as caught:
        repo.requester.requestJsonAndCheck("POST", path, input={"title": "t"})
    assert caught.value.status == 403


def test_the_token_ends_with_the_job(registered: Registered) -> None:
    connection = access(registered.environ(), job="report").connect()
    connection.repository.create_issue("t")
    end(connection)
    with pytest.raises(ToolError, match="Bad credentials"):
        read.issue(connection, 1)


def test_neither_key_nor_token_is_in_what_is_said(registered: Registered, capfd: pytest.CaptureFixture[str]) -> None:
    found = access(registered.environ(), job="propose")
    registered.forge.fail_next("GET", r"/issues/1$", 502)
    with pytest.raises(ToolError) as caught:
        read.issue(found.connect(), 1)
    said = "".join(capfd.readouterr()) + str(caught.value) + str(found.connect())
    assert found.token not in said
    assert "PRIVATE KEY" not in said
    assert found.token not in repr(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"INFRA_AGENT_APP_ID": "infra-bot"}, "INFRA_AGENT_APP_ID must be the App's id, a number"),
        ({"INFRA_AGENT_APP_SLUG": ""}, "INFRA_AGENT_APP_SLUG must be too"),
        ({"INFRA_AGENT_APP_SLUG": "other"}, r"is a key of the App infra-bot .* but the variables name other"),
        ({"INFRA_AGENT_APP_KEY": ""}, "the job propose has no INFRA_AGENT_APP_KEY"),
        ({"INFRA_AGENT_APP_KEY": "nonsense"}, "is not a private key in PEM"),
    ],
)
def test_an_app_that_is_half_configured_stops_the_job(
    registered: Registered, change: dict[str, str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        access(registered.environ(**change), job="propose")


def test_the_key_of_another_app_is_refused(registered: Registered) -> None:
    with pytest.raises(ToolError, match="GitHub answered 401: A JSON web token could not be decoded"):
        access(registered.environ(INFRA_AGENT_APP_KEY=new_pair()[0]), job="propose")
    environ = registered.environ(GITHUB_REPOSITORY="acme/nowhere")
    with pytest.raises(ToolError, match="install it there if it is not: GitHub answered 404"):
        access(environ, job="propose")


def test_without_an_app_the_workflow_s_token_is_all(registered: Registered) -> None:
    environ = registered.environ(INFRA_AGENT_APP_ID="")
    found = access(environ, job="propose")
    assert (found.token, found.bot, found.minted) == (environ["GITHUB_TOKEN"], ACTIONS_BOT, False)
    with pytest.raises(UserError, match="GITHUB_TOKEN is not set"):
        access({}, job="intake").connect()


# --- what the embedded GitHub itself takes ----------------------------------------------------------------------------


def signed(registered: Registered, key: str = "", **claims: object) -> str:
    now = int(time.time())
    usual = {"iat": now - 30, "exp": now + 300, "iss": str(registered.app_id)}
    return jwt.encode({**usual, **claims}, key or registered.key, algorithm="RS256")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"exp": int(time.time()) - 5}, 401),
        ({"exp": int(time.time()) + 3600}, 401),
        ({"iat": int(time.time()) + 3600}, 401),
        ({"iss": "7"}, 404),
        ({"iss": "x"}, 401),
    ],
)
def test_a_signed_token_is_really_checked(registered: Registered, claims: dict[str, object], status: int) -> None:
    answer = registered.ask("GET", "/app", signed(registered, registered.key, **claims))
    assert answer.status_code == status
    assert not descriptions.api().problems("GET", "/app", status, answer.json()) or status != 200


def test_a_signed_token_of_another_key_or_kind_is_none(registered: Registered, pair: tuple[str, str]) -> None:
    other = signed(registered, key=new_pair()[0])
    plain = jwt.encode({"iss": str(registered.app_id), "iat": 1, "exp": int(time.time()) + 60}, "", algorithm="none")
    shared = jwt.encode({"iss": str(registered.app_id)}, "x" * 32, algorithm="HS256")
    for token in (other, plain, shared, "a.b.c"):
        assert registered.ask("GET", "/app", token).status_code == 401
    good = signed(registered)
    assert registered.ask("POST", f"/repos/{NAME}/issues", good, {"title": "t"}).status_code == 401


def test_an_installation_s_token_is_as_was_asked_for(registered: Registered) -> None:
    api, good = descriptions.api(), signed(registered)
    installations = registered.ask("GET", "/app/installations", good)
    (installation,) = installations.json()
    found = registered.ask("GET", f"/repos/{NAME}/installation", good)
    assert not api.problems("GET", f"/repos/{NAME}/installation", 200, found.json())
    path = f"/app/installations/{installation['id']}/access_tokens"
    for wrong in ({"permissions": {"administration": "write"}}, {"repositories": ["nowhere"]}):
        assert registered.ask("POST", path, good, wrong).status_code == 422
    body = {"repositories": ["infra"], "permissions": {"issues": "read"}}
    made = registered.ask("POST", path, good, body)
    assert not api.problems("POST", path, 201, made.json())
    token = made.json()["token"]
    assert registered.ask("GET", f"/repos/{NAME}/issues", token).status_code == 200
    assert registered.ask("POST", f"/repos/{NAME}/issues", token, {"title": "t"}).status_code == 403
    assert registered.ask("GET", "/repos/acme/other/issues", token).status_code == 403
    whole = registered.ask("POST", path, good, {}).json()["token"]
    assert registered.ask("GET", "/repos/acme/other/issues", whole).status_code == 200
    registered.forge.db.run("UPDATE app_tokens SET expires_at = '2020-01-01T00:00:00Z'")
    assert registered.ask("GET", f"/repos/{NAME}/issues", token).status_code == 401
    public = registered.ask("GET", "/apps/infra-bot", whole)
    assert public.status_code == 401  # an ended token is no good anywhere
