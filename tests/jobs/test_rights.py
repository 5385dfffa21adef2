"""Who may override: what the API says about a team, over a server that says what a test wants."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from agent.github.connect import connect
from agent.github.read import in_team
from agent.guardrails import Guardrails
from agent.jobs.parts.steering import Rights

MEMBERS = "/api/v3/orgs/acme/teams/leads/memberships/morgan"


class Answers(ThreadingHTTPServer):
    """Answers by path: status and JSON; 404 for the rest. `asked` are the paths in their order."""

    def __init__(self, answers: dict[str, tuple[int, object]]) -> None:
        self.answers, self.asked = answers, list[str]()
        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Answers)
        self.server.asked.append(self.path)
        status, body = self.server.answers.get(self.path, (404, {"message": "Not Found"}))
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Answers]:
    permission = {"permission": "write", "role_name": "write", "user": {"login": "morgan"}}
    server = Answers({"/api/v3/repos/acme/infra/collaborators/morgan/permission": (200, permission)})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def rights(api: Answers, **override: list[str]) -> Rights:
    connection = connect(
        token="t", api_url=f"http://127.0.0.1:{api.server_port}/api/v3", repository="acme/infra", bot="bot"
    )
    guardrails = {
        "version": 1,
        "environments": ["dev"],
        "providers": ["hashicorp/aws"],
        "overrides": [{"rules": ["preflight/*", "scope/stateful-destroy"]} | override],
    }
    return Rights(connection, Guardrails.model_validate(guardrails))


@pytest.mark.parametrize("team", ["leads", "acme/leads", "Acme/leads"])
def test_a_member_of_a_team_that_is_named_may(api: Answers, team: str) -> None:
    api.answers[MEMBERS] = api.answers[MEMBERS.replace("acme", "Acme")] = (200, {"state": "active", "role": "member"})
    asked = rights(api, teams=[team])
    assert asked.why_no_override("morgan", "preflight/freeze") == ""
    assert asked.why_no_override("morgan", "preflight/window") == ""
    assert asked.why_no_approval("morgan") == ""
    # The permission, the role and the membership, once each.
    assert len(api.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"state": "pending"}),
        (200, {}),
        (200, []),
        (200, "active"),
        (403, {"message": "Resource not accessible by integration"}),
        (404, {"message": "Not Found"}),
        (422, {"message": "no"}),
    ],
)
def test_whatever_is_not_a_clear_yes_is_a_no(api: Answers, answer: tuple[int, object]) -> None:
    api.answers[MEMBERS] = answer
    asked = rights(api, teams=["leads"])
    assert "team leads can" in asked.why_no_override("morgan", "preflight/freeze")
    assert "may not approve" in asked.why_no_approval("morgan")
    assert not in_team(asked.connection, "morgan", "leads")


@pytest.mark.parametrize("permission", ["read", "none"])
def test_who_is_named_and_may_not_write_may_not(api: Answers, permission: str) -> None:
    place = "/api/v3/repos/acme/infra/collaborators/morgan/permission"
    api.answers[place] = (200, {"permission": permission, "role_name": permission, "user": {"login": "morgan"}})
    asked = rights(api, logins=["morgan"])
    assert asked.why_no_override("morgan", "preflight/freeze")
    assert asked.why_no_approval("morgan")


def test_another_team_or_somebody_else_may_not(api: Answers) -> None:
    api.answers[MEMBERS] = (200, {"state": "active"})
    assert rights(api, teams=["others"]).why_no_override("morgan", "preflight/freeze")
    assert rights(api, logins=["erin"]).why_no_override("morgan", "preflight/freeze")
    assert rights(api, logins=["MORGAN"]).why_no_override("morgan", "preflight/freeze") == ""
    assert rights(api, logins=["morgan"]).why_no_override("morgan", "terraform/moves")
