"""Which jobs run, in what order, and how runs are cancelled, repeated and lost."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.sandbox.runner import Run, Runner
from tests.sandbox.runner.conftest import CHECKOUT, REPO, UPLOAD, World, issues_workflow, job

NEEDS = """
good: &job
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
bad:
  runs-on: ubuntu-latest
  steps: [{run: exit 1}]
allowed:
  runs-on: ubuntu-latest
  continue-on-error: true
  steps: [{run: exit 1}]
after-allowed:
  needs: allowed
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
after-bad:
  needs: [good, bad]
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
always:
  needs: after-bad
  if: always()
  runs-on: ubuntu-latest
  steps: [{run: 'echo "${{ needs.after-bad.result }}"'}]
after-always:
  needs: always
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
on-failure:
  needs: after-bad
  if: failure() && github.event_name == 'issues'
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
no-if:
  needs: good
  if: github.event.issue.number == 99
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
not-cancelled:
  needs: [bad, good]
  if: ${{ !cancelled() && needs.good.result == 'success' }}
  runs-on: ubuntu-latest
  steps: [{run: "true"}]
"""


def conclusions(run: Run) -> dict[str, str]:
    return {one.name: one.conclusion for one in run.jobs}


def test_needs_and_conditions(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(NEEDS))
    (run,) = world.issue()
    assert conclusions(run) == {
        "good": "success",
        "bad": "failure",
        "allowed": "failure",
        "after-allowed": "success",
        "after-bad": "skipped",
        "always": "success",
        "after-always": "skipped",  # an ancestor was skipped
        "on-failure": "success",
        "no-if": "skipped",
        "not-cancelled": "success",
    }
    assert run.conclusion == "failure"
    assert "skipped" in world.log(job(run, "always"))


MATRIX = """
fast:
  strategy:
    matrix: {n: [1, 2], include: [{n: 3, extra: x}]}
  runs-on: ubuntu-latest
  steps: [{run: 'test ${{ matrix.n }} != 1 && sleep 30'}]
slow:
  strategy:
    fail-fast: false
    max-parallel: 1
    matrix: {n: [1, 2]}
  runs-on: ubuntu-latest
  outputs: {"o${{ '' }}": x}
  steps: [{run: 'test ${{ strategy.job-index }} = 1'}]
"""


def test_fail_fast_ends_the_other_combinations(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(MATRIX.replace("""  outputs: {"o${{ '' }}": x}\n""", "")))
    started = time.monotonic()
    (run,) = world.issue()
    assert time.monotonic() - started < 15
    assert conclusions(run) == {
        **{"fast (1)": "failure", "fast (2)": "cancelled", "fast (3, x)": "cancelled"},
        **{"slow (1)": "failure", "slow (2)": "success"},
    }
    slow = [one for one in run.jobs if one.key == "slow"]
    assert max(one.started_at for one in slow) >= min(one.completed_at for one in slow)


GROUP = """\
name: g
on: {issues: {types: [opened]}}
concurrency:
  group: only-${{ github.event.repository.name }}
  cancel-in-progress: CANCEL
jobs:
  wait:
    runs-on: ubuntu-latest
    steps: [{run: "while [ ! -e STOP ]; do sleep 0.05; done"}]
  last:
    needs: wait
    if: cancelled()
    runs-on: ubuntu-latest
    steps: [{run: echo cancelled}]
"""


def open_three(world: World, *, settled: bool = False) -> list[int]:
    for number in range(3):
        assert world.api("POST", "/issues", body={"title": str(number)}).status_code == 201
        until(lambda: any(run.status == "in_progress" for run in world.runner.runs(REPO)))
        if settled and number:  # a third run would cancel what the first still does after its own cancellation
            world.runner.wait(world.started[number - 1][0], 60)
    return [ids[0] for ids in world.started]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_run_of_a_group_goes_on_and_one_waits(make_world: Callable[..., World], tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    text = GROUP.replace("CANCEL", "false").replace("STOP", str(stop))
    world = make_world({".github/workflows/g.yml": text})
    first, second, third = open_three(world)
    statuses = [world.runner.run(one).status for one in (first, second, third)]
    assert statuses == ["in_progress", "completed", "pending"]
    stop.touch()
    assert [world.runner.wait(one, 15).conclusion for one in (first, second, third)] == [
        *("success", "cancelled", "success")
    ]


def test_cancel_in_progress_makes_way(make_world: Callable[..., World], tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    text = GROUP.replace("CANCEL", "true").replace("STOP", str(stop))
    world = make_world({".github/workflows/g.yml": text})
    first, second, third = open_three(world, settled=True)
    early = [world.runner.wait(one, 60) for one in (first, second)]
    assert [run.conclusion for run in early] == ["cancelled", "cancelled"]
    assert conclusions(early[0]) == {"wait": "cancelled", "last": "success"}
    stop.touch()
    assert world.runner.wait(third, 60).conclusion == "success"


def test_jobs_have_groups_of_their_own(make_world: Callable[..., World], tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    run_group, jobs = GROUP.replace("STOP", str(stop)).split("concurrency:")
    jobs = jobs[jobs.index("jobs:") :].replace("wait:\n", "wait:\n    concurrency: apply-x\n", 1)
    world = make_world({".github/workflows/g.yml": run_group + jobs})
    first, second, third = open_three(world)
    assert world.runner.wait(second, 60).conclusion == "cancelled"
    assert conclusions(world.runner.run(second)) == {"wait": "cancelled", "last": "skipped"}
    assert [world.runner.run(one).jobs[0].status for one in (first, third)] == ["in_progress", "pending"]
    stop.touch()
    assert [world.runner.wait(one, 60).conclusion for one in (first, third)] == ["success", "success"]


def test_a_broken_file_is_a_failed_start_with_its_line(make_world: Callable[..., World]) -> None:
    world = make_world({".github/workflows/x.yml": "name: x\non: [issues]\njobz: {}\n"})
    (run,) = world.issue()
    assert (run.conclusion, run.path) == ("startup_failure", ".github/workflows/x.yml")
    assert run.error.startswith(".github/workflows/x.yml:3: unknown key 'jobz'")


def test_an_error_that_only_shows_while_running_names_its_line(make_world: Callable[..., World]) -> None:
    jobs = """
    a:
      runs-on: ubuntu-latest
      strategy:
        matrix:
          n: ${{ fromJSON(github.event.issue.title) }}
      steps: [{run: "true"}]
    """
    world = make_world(issues_workflow(jobs))
    (run,) = world.issue("no json")
    assert run.conclusion == "failure"
    assert run.jobs[0].annotations[0].message.startswith(".github/workflows/w.yml:12: fromJSON: 'no json'")


RERUN = f"""
once:
  runs-on: ubuntu-latest
  outputs: {{a: "${{{{ steps.s.outputs.a }}}}"}}
  steps:
    - id: s
      run: echo a=kept >> "$GITHUB_OUTPUT"; echo x > x
    - uses: {UPLOAD}
      with: {{name: x, path: x}}
flaky:
  needs: once
  runs-on: ubuntu-latest
  steps:
    - run: test "$A" = kept && test "$GITHUB_RUN_ATTEMPT" != 1
      env: {{A: "${{{{ needs.once.outputs.a }}}}"}}
"""


def test_rerun_keeps_the_run_and_raises_the_attempt(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(RERUN))
    (run,) = world.issue()
    assert conclusions(run) == {"once": "success", "flaky": "failure"}
    first = world.runner.artifacts.of_run(run.id)
    assert world.api("POST", f"/actions/runs/{run.id}/rerun-failed-jobs").status_code == 201
    again = world.runner.wait(run.id, 15)
    assert (again.attempt, again.conclusion) == (2, "success")
    assert job(again, "once") == job(run, "once")
    assert world.runner.artifacts.of_run(run.id) == first
    assert world.api("POST", f"/actions/runs/{run.id}/rerun").status_code == 201
    third = world.runner.wait(run.id, 15)
    assert (third.attempt, third.conclusion) == (3, "success")
    assert [one.id for one in world.runner.artifacts.of_run(run.id)] != [one.id for one in first]


def test_stop_ends_everything_and_a_lost_run_is_cancelled(make_world: Callable[..., World], tmp_path: Path) -> None:
    jobs = """
    a:
      runs-on: ubuntu-latest
      steps:
        - run: echo $$ > pid && trap '' INT TERM && sleep 63
        - run: echo on
          if: always()
    """
    world = make_world(issues_workflow(jobs))
    world.api("POST", "/issues", body={"title": "x"})
    run_id = world.started[0][0]
    pid = world.runner.root / "runs" / str(run_id) / "1" / "a-0" / "workspace" / "pid"
    until(lambda: pid.is_file() and bool(pid.read_text()))
    other = Runner(world.forge, tmp_path / "elsewhere", tools={}, machine={})  # as after a crash
    assert (other.run(run_id).status, other.run(run_id).conclusion) == ("completed", "cancelled")
    assert other.run(run_id).jobs[0].steps[0].conclusion == "cancelled"
    other.stop()
    started = time.monotonic()
    world.runner.stop()
    assert time.monotonic() - started < 8
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
    run = world.runner.run(run_id)
    assert run.conclusion == "cancelled"
    assert [step.conclusion for step in run.jobs[0].steps] == ["cancelled", "skipped"]


PULL = f"""\
name: pull
on:
  pull_request:
    paths: ['infra/**']
jobs:
  a:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{fetch-depth: 2}}
      - run: echo "$GITHUB_REF $GITHUB_BASE_REF $GITHUB_HEAD_REF parents=$(git log -1 --format=%p | wc -w)"
"""
DISPATCH = """\
name: by hand
run-name: by hand for ${{ inputs.who }}
on:
  workflow_dispatch:
    inputs:
      who: {type: choice, options: [ada, bob], required: true}
      dry: {type: boolean, default: true}
  schedule: [{cron: '0 4 * * *'}]
jobs:
  a:
    runs-on: ubuntu-latest
    environment: {name: "env-${{ inputs.who }}"}
    if: inputs.dry
    steps: [{run: 'echo "${{ inputs.who }} ${{ secrets.KEY == github.event.ref }}"'}]
"""


def put(world: World, path: str, branch: str) -> None:
    body = {"message": "m", "content": "eA==", "branch": branch}
    assert world.api("PUT", f"/contents/{path}", body=body).status_code == 201


def test_a_push_is_filtered_by_the_paths_it_changed(make_world: Callable[..., World]) -> None:
    text = (
        "on: {push: {branches: [main], KEY: ['infra/**']}}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}"
    )
    files = {f".github/workflows/{key}.yml": text.replace("KEY", key) for key in ("paths", "paths-ignore")}
    world = make_world(files)
    put(world, "docs/a", "main")
    put(world, "infra/a", "main")
    paths = [[world.runner.run(one).path for one in ids] for ids in world.started]
    assert paths == [[".github/workflows/paths-ignore.yml"], [".github/workflows/paths.yml"]]


@pytest.mark.parametrize(("path", "count"), [("infra/a", 1), ("docs/a", 0)])
def test_a_pull_request_runs_at_its_merge_commit(make_world: Callable[..., World], path: str, count: int) -> None:
    world = make_world({".github/workflows/p.yml": PULL})
    sha = world.forge.resolve(REPO, "main")
    world.api("POST", "/git/refs", body={"ref": "refs/heads/feature", "sha": sha})
    put(world, path, "feature")
    put(world, "other", "main")
    assert world.api("POST", "/pulls", body={"title": "t", "head": "feature", "base": "main"}).status_code == 201
    runs = [world.runner.wait(one, 20) for ids in world.started for one in ids]
    assert [run.conclusion for run in runs] == ["success"] * count
    if count:
        assert "refs/pull/1/merge main feature parents=2" in world.log(runs[0].jobs[0])
        assert runs[0].head_sha == world.forge.resolve(REPO, "feature")


def test_dispatch_checks_its_inputs(make_world: Callable[..., World]) -> None:
    world = make_world({".github/workflows/d.yml": DISPATCH})
    world.runner.set_secret(REPO, "KEY", "refs/heads/main", environment="env-bob")
    path = "/actions/workflows/d.yml/dispatches"
    assert world.api("POST", path, body={"ref": "main", "inputs": {"who": "bob"}}).status_code == 204
    run = world.runner.wait(world.started[-1][0], 15)
    assert (run.name, run.conclusion, run.jobs[0].environment) == ("by hand for bob", "success", "env-bob")
    assert "bob true" in world.log(run.jobs[0])
    assert world.api("POST", "/actions/workflows/none.yml/dispatches", body={"ref": "main"}).status_code == 404
    assert world.api("POST", path, body={"ref": "none"}).status_code == 422
    answer = world.api("POST", path, body={"ref": "main", "inputs": {"who": "eve"}})
    assert (answer.status_code, "none of its options" in answer.text) == (422, True)
