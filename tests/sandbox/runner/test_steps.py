"""What a step sees, prints and leaves behind, in real processes."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from agent.sandbox.runner import Annotation
from tests.sandbox.runner.conftest import DOWNLOAD, UPLOAD, World, issues_workflow

ENVIRONMENT = """
env:
  runs-on: ubuntu-latest
  env:
    LEVEL: job
    BOTH: job
  steps:
    - run: env | sort
      env:
        BOTH: step
    - run: |
        echo "LATER=a=b" >> "$GITHUB_ENV"
        printf 'MULTI<<END\\nx\\ny\\nEND\\n' >> "$GITHUB_ENV"
        mkdir tools && printf '#!/bin/sh\\necho mytool runs' > tools/mytool && chmod +x tools/mytool
        echo "$PWD/tools" >> "$GITHUB_PATH"
    - run: mytool && echo "$LATER / $MULTI / ${{ env.LATER }}" && ls "$HOME" | wc -l
    - run: import sys; print("python", sys.version_info[0], "${{ runner.os }}")
      shell: python
    - run: false | true && echo "no pipefail"
    - run: pwd
      working-directory: tools
    - run: echo '${{ toJSON(github.event.issue.title) }}' && cat "$GITHUB_EVENT_PATH" > event.json
"""


def test_a_step_sees_what_the_file_and_the_machine_give_and_nothing_else(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(ENVIRONMENT))
    (run,) = world.issue()
    one = run.jobs[0]
    log = world.log(one)
    assert one.conclusion == "success", log
    first = Path(one.log_path).with_name("1.log").read_text().split("##[endgroup]")[1]
    seen = dict(line.split(" ", 1)[1].split("=", 1) for line in first.splitlines() if "=" in line)
    machine = {"PATH", "LANG", "HOME", "CI", "RUNNER_TRACKING_ID"}
    shell = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert {name for name in seen if not name.startswith(("GITHUB_", "RUNNER_"))} - shell - machine == {"LEVEL", "BOTH"}
    assert seen["BOTH"] == "step"
    assert "GITHUB_TOKEN" not in seen
    assert seen["GITHUB_REF"] == "refs/heads/main"
    assert seen["GITHUB_EVENT_NAME"] == "issues"
    assert seen["GITHUB_API_URL"] == f"{world.forge.url}/api/v3"
    for expected in (
        "mytool runs",
        "a=b / x",
        "y / a=b",
        " 0\n",
        "python 3 Linux",
        "no pipefail",
        "/tools",
        '"please"',
    ):
        assert expected in log
    event = json.loads((Path(one.log_path).parents[1] / "workspace" / "event.json").read_text())
    assert event["repository"]["default_branch"] == "main"


def test_R02_no_runtime_token_and_no_oidc_variables(make_world: Callable[..., World]) -> None:
    world = make_world(
        issues_workflow("a: {runs-on: ubuntu-latest, steps: [{run: env | grep ^ACTIONS_ || echo none}]}")
    )
    (run,) = world.issue()
    assert world.log(run.jobs[0]).splitlines()[-1].endswith(" none")


COMMANDS = """
talk:
  runs-on: ubuntu-latest
  steps:
    - run: |
        echo "::error file=a.tf,line=3,title=Bad%2C thing::broken%0Atwice"
        echo "::warning::careful"
        echo "::stop-commands::7pause"
        echo "::error::not this"
        echo "::7pause::"
        echo "::add-mask::hunter2"
        echo "pass hunter2 $SECRET"
        echo "::group::G"
        echo "::endgroup::"
      env:
        SECRET: ${{ secrets.DEPLOY }}
    - run: echo 'x' >> "$GITHUB_OUTPUT"
      id: invalid
      continue-on-error: true
    - run: echo "::set-output name=a::b"
      continue-on-error: true
    - run: echo "${{ steps.invalid.outcome }} ${{ steps.invalid.conclusion }} ${{ job.status }}"
    - run: exit 7
    - run: echo never
    - run: echo "cleaned after ${{ job.status }}"
      if: always()
    - run: echo "failed"
      if: ${{ failure() && steps.invalid.outcome == 'failure' }}
"""


def test_commands_masks_and_conclusions(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(COMMANDS))
    world.runner.set_secret("acme/infra", "deploy", "s3cr3t")
    (run,) = world.issue()
    one = run.jobs[0]
    log = world.log(one)
    assert run.conclusion == "failure"
    assert Annotation("error", "broken\ntwice", "a.tf", 3, "Bad, thing") in one.annotations
    assert Annotation("warning", "careful") in one.annotations
    assert "not this" not in [note.message for note in one.annotations]
    assert "pass *** ***" in log
    assert "s3cr3t" not in log
    assert "##[group]G" in log
    assert "failure success success" in log
    assert "cleaned after failure" in log
    assert [step.conclusion for step in one.steps] == [
        *("success", "success", "success", "success", "failure", "skipped", "success", "success")
    ]
    assert Annotation("error", "Process completed with exit code 7.") in one.annotations


LIMITS = """
slow-step:
  runs-on: ubuntu-latest
  steps:
    - run: sleep 60
      timeout-minutes: 0.005
    - run: echo "step over"
      if: failure()
slow-job:
  runs-on: ubuntu-latest
  timeout-minutes: 0.005
  steps:
    - run: sleep 60
    - run: echo "job over"
      if: cancelled()
background:
  runs-on: ubuntu-latest
  steps:
    - run: (sleep 61 & echo $! > pid; setsid sleep 62 & echo $! >> pid)
    - run: kill -0 $(cat pid) && echo alive
"""


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_time_limits_and_background_processes(make_world: Callable[..., World]) -> None:
    world = make_world(issues_workflow(LIMITS))
    started = time.monotonic()
    (run,) = world.issue()
    assert time.monotonic() - started < 10
    assert [(one.key, one.conclusion) for one in run.jobs] == [
        ("slow-step", "failure"),
        ("slow-job", "cancelled"),
        ("background", "success"),
    ]
    assert "step over" in world.log(run.jobs[0])
    assert "job over" in world.log(run.jobs[1])
    folder = Path(run.jobs[2].log_path).parents[1] / "workspace"
    pids = [int(line) for line in (folder / "pid").read_text().split()]
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


ACTIONS = f"""
up:
  runs-on: ubuntu-latest
  permissions:
    id-token: write
  steps:
    - run: mkdir -p a/b && echo 1 > a/b/x.txt && echo 2 > a/y.log && echo 3 > a/.h
    - uses: {UPLOAD}
      id: first
      with: {{name: one, path: "a/**\\n!**/*.log", retention-days: 1}}
    - uses: {UPLOAD}
      id: again
      continue-on-error: true
      with: {{name: one, path: a}}
    - uses: {UPLOAD}
      with: {{name: one, path: a/y.log, overwrite: true}}
    - uses: {UPLOAD}
      with: {{name: two, path: a, include-hidden-files: true}}
    - uses: {UPLOAD}
      with: {{name: none, path: nothing/}}
    - uses: {UPLOAD}
      id: missing
      continue-on-error: true
      with: {{name: none, path: nothing/, if-no-files-found: error}}
    - run: echo "again=${{{{ steps.again.outcome }}}} missing=${{{{ steps.missing.outcome }}}} id=${{{{ steps.first.outputs.artifact-id }}}} digest=${{{{ steps.first.outputs.artifact-digest }}}}"
    - uses: {DOWNLOAD}
      with: {{path: all}}
    - uses: {DOWNLOAD}
      with: {{name: one, path: just}}
    - run: find all just -type f | sort | tr '\\n' ' '
    - uses: {DOWNLOAD}
      continue-on-error: true
      id: absent
      with: {{name: absent}}
    - run: echo "absent=${{{{ steps.absent.outcome }}}}"
    - uses: aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c
      with: {{aws-region: eu-central-1, role-to-assume: "arn:aws:iam::123456789012:role/plan"}}
    - run: echo "$AWS_REGION $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"
    - uses: astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d
    - run: uv
    - uses: hashicorp/setup-terraform@dfe3c3f87815947d99a8997f908cb6525fc44e9e
      id: terraform
      continue-on-error: true
      with: {{terraform_wrapper: false}}
    - run: echo "terraform=${{{{ steps.terraform.outcome }}}}"
no-login:
  runs-on: ubuntu-latest
  steps:
    - uses: aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c
      with: {{aws-region: eu-central-1, role-to-assume: "arn:aws:iam::123456789012:role/plan"}}
"""  # noqa: E501


def test_actions(make_world: Callable[..., World], tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho uv 0.9.1\n")
    uv.chmod(0o755)
    world = make_world(issues_workflow(ACTIONS), tools={"uv": uv})
    (run,) = world.issue()
    log = world.log(run.jobs[0])
    assert [one.conclusion for one in run.jobs] == ["success", "failure"], log
    assert "again=failure missing=failure id=1 digest=" in log
    assert "all/one/y.log all/two/.h all/two/b/x.txt all/two/y.log just/y.log" in log
    assert "absent=failure" in log
    assert "eu-central-1 ASIASANDBOX000000000 ***" in log
    assert "uv 0.9.1" in log
    assert "terraform=failure" in log
    assert "this machine has no terraform" in log
    assert "id-token: write" in world.log(run.jobs[1])
    assert [one.name for one in world.runner.artifacts.of_run(run.id)] == ["one", "two"]
