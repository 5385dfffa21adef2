"""Whole runs: an issue over HTTP, jobs that check out, pass artifacts on and call the API with their own token."""

import io
import zipfile
from collections.abc import Callable

from tests.sandbox.runner.conftest import CHECKOUT, DOWNLOAD, REPO, UPLOAD, World, issues_workflow, job

JOBS = f"""
list:
  runs-on: ubuntu-24.04
  permissions:
    contents: read
  outputs:
    units: ${{{{ steps.units.outputs.units }}}}
    token: ${{{{ github.token }}}}
  steps:
    - uses: {CHECKOUT} # v7
      with:
        persist-credentials: false
    - id: units
      env:
        TOKEN: ${{{{ github.token }}}}
      run: |
        test -z "$GITHUB_TOKEN" && ! grep -r extraheader .git/config
        test "$(git rev-parse HEAD)" = "$GITHUB_SHA" && test "$(git branch --show-current)" = main
        echo "token is $TOKEN"
        echo 'units=["a","b"]' >> "$GITHUB_OUTPUT"
        mkdir out && echo "from $(cat hello.txt)" > out/doc.txt && touch out/.hidden
        echo "# done" >> "$GITHUB_STEP_SUMMARY"
    - uses: {UPLOAD}
      id: up
      with:
        name: document-list
        path: out
        if-no-files-found: error
each:
  name: each ${{{{ matrix.unit }}}}
  needs: [list]
  strategy:
    matrix:
      unit: ${{{{ fromJSON(needs.list.outputs.units) }}}}
  runs-on: ubuntu-latest
  permissions:
    issues: write
  steps:
    - uses: {DOWNLOAD}
      with:
        pattern: document-*
        path: documents
        merge-multiple: true
    - shell: bash
      env:
        TOKEN: ${{{{ github.token }}}}
        UNIT: ${{{{ matrix.unit }}}}
      run: |
        test "$(cat documents/doc.txt)" = "from world" && test ! -e documents/.hidden
        call() {{ curl -s -o /dev/null -w '%{{http_code}}' -H "Authorization: token $TOKEN" "$@"; }}
        base="$GITHUB_API_URL/repos/$GITHUB_REPOSITORY"
        echo "comment: $(call -d '{{"body":"hi"}}' "$base/issues/1/comments")"
        echo "label: $(call -d '{{"title":"another"}}' "$base/issues")"
        echo "ref: $(call -d '{{"ref":"refs/heads/x","sha":"'"$GITHUB_SHA"'"}}' "$base/git/refs")"
"""


def test_jobs_pass_outputs_and_artifacts_on_and_hold_just_their_permissions(make_world: Callable[..., World]) -> None:
    world = make_world({**issues_workflow(JOBS), "hello.txt": "world"})
    (run,) = world.issue()
    assert [(one.name, one.conclusion) for one in run.jobs] == [
        ("list", "success"),
        ("each a", "success"),
        ("each b", "success"),
    ], world.log(run.jobs[0])
    assert run.conclusion == "success"
    log = world.log(job(run, "each a"))
    assert "comment: 201" in log
    assert "ref: 403" in log
    listed = world.log(job(run, "list"))
    assert "token is ***" in listed
    assert "ghs_" not in listed
    assert dict(job(run, "list").outputs) == {"units": '["a","b"]'}  # the token is withheld
    # the two issues and comments that the token made started nothing
    assert [ids for ids in world.started if ids] == [[run.id]]
    assert "label: 201" in log

    runs = world.api("GET", "/actions/runs").json()
    assert runs["total_count"] == 1
    assert runs["workflow_runs"][0]["conclusion"] == "success"
    (artifact,) = world.api("GET", f"/actions/runs/{run.id}/artifacts").json()["artifacts"]
    archive = world.api("GET", f"/actions/artifacts/{artifact['id']}/zip").content
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["doc.txt"]
    steps = world.api("GET", f"/actions/runs/{run.id}/jobs").json()["jobs"][0]["steps"]
    assert [step["conclusion"] for step in steps] == ["success"] * 3
    assert "token is ***" in world.api("GET", f"/actions/jobs/{run.jobs[0].id}/logs").text


def test_a_finished_jobs_token_is_dead_and_a_run_survives_a_restart(make_world: Callable[..., World]) -> None:
    jobs = """
    keep:
      runs-on: ubuntu-latest
      steps:
        - run: echo "$TOKEN" > "$GITHUB_WORKSPACE/token"
          env:
            TOKEN: ${{ github.token }}
    """
    world = make_world(issues_workflow(jobs))
    (run,) = world.issue()
    token = (world.runner.root / "runs" / str(run.id) / "1" / "keep-0" / "workspace" / "token").read_text().strip()
    assert world.api("GET", "/issues/1", token=token).status_code == 401
    again = make_world({})
    assert again.runner.run(run.id).jobs == world.runner.run(run.id).jobs
    assert again.forge.repository_row(REPO) is not None
    again.runner.rerun(run.id)
    second = again.runner.wait(run.id, 20)
    assert (second.attempt, second.conclusion, len(second.jobs)) == (2, "success", 1)
