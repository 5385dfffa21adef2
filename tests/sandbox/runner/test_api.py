"""The runner's REST answers, held against GitHub's own description."""

from collections.abc import Callable

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
