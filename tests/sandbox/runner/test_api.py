"""The runner's REST answers, held against GitHub's own description."""

import time
from collections.abc import Callable

import pytest
import requests

from tests.sandbox.contract import descriptions
from tests.sandbox.runner.conftest import REPO, UPLOAD, World, issues_workflow

JOBS = f"""
a:
  runs-on: ubuntu-latest
  steps:
    - run: echo x > x
    - uses: {UPLOAD}
      with: {{name: x, path: x}}
"""


def test_answers_have_githubs_shapes(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(JOBS))
    (run,) = world.issue()
    described = descriptions.api()
    paths = [
        "/actions/runs",
        f"/actions/runs/{run.id}",
        f"/actions/runs/{run.id}/jobs",
        f"/actions/runs/{run.id}/artifacts",
        f"/actions/jobs/{run.jobs[0].id}",
        "/actions/artifacts/1",
    ]
    for path in paths:
        answer = world.api("GET", path)
        assert described.problems("GET", f"/repos/{REPO}{path}", answer.status_code, answer.json()) == []
    assert world.api("GET", "/actions/runs?event=push").json()["total_count"] == 0
    for path in ("/actions/runs/99", "/actions/jobs/99/logs", "/actions/artifacts/99/zip"):
        assert world.api("GET", path).status_code == 404
    assert world.api("POST", f"/actions/runs/{run.id}/cancel").status_code == 409
    assert world.api("POST", f"/actions/runs/{run.id}/rerun", token=world.tokens["bob"]).status_code == 403


DISPATCHED = """
name: d
run-name: for ${{ inputs.pull_request }}
on:
  workflow_dispatch:
    inputs:
      pull_request: {type: string, required: true}
permissions: {}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "number ${{ inputs.pull_request }}"
          touch "$GITHUB_WORKSPACE/begun"
          sleep 60
  b:
    needs: a
    runs-on: ubuntu-latest
    steps: [{run: echo never}]
"""


def test_a_dispatched_run_is_found_and_cancelled(make_world: Callable[..., World]) -> None:
    world = make_world({".github/workflows/d.yml": DISPATCHED})
    described = descriptions.api()
    path = "/actions/workflows/d.yml"
    for inputs, said in (({}, "'pull_request' not provided"), ({"pull_request": "7", "x": "y"}, "Unexpected inputs")):
        refused = world.api("POST", f"{path}/dispatches", body={"ref": "main", "inputs": inputs})
        assert refused.status_code == 422
        assert said in refused.json()["message"]
    token = world.forge.issue_job_token(REPO, {"actions": "write"}, run_id=1, job="steer")
    body = {"ref": "main", "inputs": {"pull_request": "7"}}
    assert world.api("POST", f"{path}/dispatches", body=body, token=token).status_code == 204
    (run,) = world.api("GET", f"{path}/runs?event=workflow_dispatch").json()["workflow_runs"]
    assert (run["display_title"], run["event"]) == ("for 7", "workflow_dispatch")
    _wait_until(lambda: any(world.runner.root.glob("runs/*/*/a-0/**/begun")))
    assert world.api("GET", f"{path}/runs?status=in_progress&created=>2020-01-01").json()["total_count"] == 1
    assert world.api("GET", f"{path}/runs?created=<2020-01-01").json()["total_count"] == 0
    assert world.api("POST", f"/actions/runs/{run['id']}/cancel", token=token).status_code == 202
    ended = world.runner.wait(run["id"], 20)
    assert (ended.status, ended.conclusion) == ("completed", "cancelled")
    assert [(job.name, job.conclusion) for job in ended.jobs] == [("a", "cancelled"), ("b", "skipped")]
    for one in ("/actions/workflows", path, f"/actions/workflows/{run['workflow_id']}", f"{path}/runs"):
        answer = world.api("GET", one)
        assert described.problems("GET", f"/repos/{REPO}{one}", answer.status_code, answer.json()) == []
    assert world.api("GET", "/actions/workflows/other.yml/runs").status_code == 404


def test_secrets_are_told_by_name_alone(make_world: Callable[..., World]) -> None:
    world = make_world({})
    world.runner.set_secret(REPO, "plain", "one-value")
    world.runner.set_secret(REPO, "INFRA_AGENT_APP_KEY", "other-value", environment="write")
    described = descriptions.api()
    for path, name in (("/actions/secrets", "PLAIN"), ("/environments/write/secrets", "INFRA_AGENT_APP_KEY")):
        answer = world.api("GET", path)
        assert described.problems("GET", f"/repos/{REPO}{path}", answer.status_code, answer.json()) == []
        assert [one["name"] for one in answer.json()["secrets"]] == [name]
        assert "value" not in answer.text
    assert world.api("GET", "/environments/other/secrets").status_code == 404
    assert world.api("GET", "/actions/secrets", token=world.tokens["bob"]).status_code == 403


FORKED = """
name: f
on: pull_request
permissions: {contents: write, issues: write, id-token: write}
jobs:
  a:
    runs-on: ubuntu-latest
    environment: write
    steps:
      - run: |
          echo "key=[${{ secrets.KEY }}] plain=[${{ secrets.PLAIN }}] oidc=[${ACTIONS_ID_TOKEN_REQUEST_URL:-}]"
          curl -s -o /dev/null -w 'read %{http_code}\\n' -H "Authorization: token ${{ github.token }}" \
            "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues"
          curl -s -o /dev/null -w 'write %{http_code}\\n' -H "Authorization: token ${{ github.token }}" \
            -d '{"title": "t"}' "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues"
"""


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ("bob", ("key=[] plain=[] oidc=[]", "read 200", "write 403")),
        ("acme", ("key=[***] plain=[***]", "read 200", "write 201")),
    ],
)
def test_a_fork_s_run_gets_no_secret_and_a_token_that_reads(
    make_world: Callable[..., World], owner: str, said: tuple[str, ...]
) -> None:
    world = make_world({".github/workflows/f.yml": FORKED})
    world.runner.set_secret(REPO, "PLAIN", "plain-value")
    world.runner.set_secret(REPO, "KEY", "key-value", environment="write")
    if owner == "bob":
        assert world.api("POST", "/forks", token=world.tokens["bob"]).status_code == 202
    where = f"{world.forge.url}/api/v3/repos/{owner}/infra"
    headers = {"Authorization": f"token {world.tokens['bob' if owner == 'bob' else 'ada']}"}
    sha = world.forge.resolve(f"{owner}/infra", "main")
    requests.post(f"{where}/git/refs", json={"ref": "refs/heads/x", "sha": sha}, headers=headers, timeout=20)
    body = {"message": "m", "content": "eA==", "branch": "x"}
    requests.put(f"{where}/contents/x.txt", json=body, headers=headers, timeout=20)
    before = len(world.started)
    made = world.api("POST", "/pulls", body={"title": "t", "head": f"{owner}:x", "base": "main"})
    if owner == "bob":  # only who may write to the fork opens its pull request
        assert made.status_code == 403
        body = {"title": "t", "head": f"{owner}:x", "base": "main"}
        made = world.api("POST", "/pulls", body=body, token=world.tokens["bob"])
    assert made.status_code == 201
    (run,) = [world.runner.wait(one, 30) for ids in world.started[before:] for one in ids]
    assert run.conclusion == "success"
    log = world.log(run.jobs[0])
    assert [text for text in said if text not in log] == []


def _wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
