"""The shipped workflows as they are installed: the same jobs, with the program from one pinned commit."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import git
import pytest
from ruamel.yaml import YAML

from agent.adopt.install import FOLDER, WORKFLOWS, Choices, installed, pinned, workflow
from agent.adopt.program import Program, find_program, holds, shipped_files
from agent.errors import ToolError, UserError
from agent.github.app import GRANTS
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import change_of, policy_of
from agent.repo import Remote
from agent.settings import Settings, parse
from tests.adopt.conftest import commit

PROGRAM = Program("acme/infra-agent", "a" * 40)
JOB = """\
name: x
on: {push: {branches: [main]}}
jobs:
  one:
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false

      # what comes next
      - run: bin/infra-agent job intake --in documents --out out/request.json
"""


def load(text: str) -> dict[str, Any]:
    made: dict[str, Any] = YAML(typ="safe").load(text)
    return made


@pytest.fixture
def shipped(program: git.Repo) -> Mapping[str, str]:
    return shipped_files(Path(str(program.working_tree_dir)), program.head.commit.hexsha)


def test_an_installed_workflow_is_the_shipped_one_with_the_program_fetched_beside_it(
    shipped: Mapping[str, str],
) -> None:
    made = installed(shipped, PROGRAM, Choices())
    names = [path for path in made if path.startswith(WORKFLOWS)]
    assert {"agent.yml", "change.yml", "apply.yml"} <= {Path(name).name for name in names}
    assert f"{WORKFLOWS}ci.yml" not in made
    for name in names:
        before, after = load(shipped[name]), load(made[name])
        for job in after["jobs"].values():
            extra = [step for step in job["steps"] if step.get("with", {}).get("path") == FOLDER]
            runs = [step for step in job["steps"] if "bin/" in step.get("run", "")]
            assert len(extra) == 1
            assert extra[0]["with"] == {
                "persist-credentials": False, "repository": "acme/infra-agent", "ref": "a" * 40, "path": FOLDER,
            }  # fmt: skip
            assert extra[0]["uses"] == job["steps"][0]["uses"], "fetched by the very action that is pinned there"
            assert job["steps"].index(extra[0]) < min(job["steps"].index(step) for step in runs)
            job["steps"].remove(extra[0])
            for step in runs:
                step["run"] = step["run"].replace(f"{FOLDER}/bin/", "bin/")
        assert after == before, name


def test_nothing_of_the_repository_s_own_bin_is_run(shipped: Mapping[str, str]) -> None:
    for path, text in installed(shipped, PROGRAM, Choices()).items():
        if path.startswith(WORKFLOWS):
            for job in load(text)["jobs"].values():
                for step in job["steps"]:
                    assert "bin/" not in step.get("run", "").replace(f"{FOLDER}/bin/", "").replace("/bin/python", "")


@pytest.mark.parametrize("app", [False, True])
def test_W06_the_auditor_finds_nothing_in_them(shipped: Mapping[str, str], tmp_path: Path, app: bool) -> None:
    folder = tmp_path / "out" / WORKFLOWS
    folder.mkdir(parents=True)
    for path, text in installed(shipped, PROGRAM, Choices(app=app)).items():
        if path.startswith(WORKFLOWS):
            (tmp_path / "out" / path).write_text(text)
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent))
    assert zizmor, "zizmor is in the development environment"
    audit = [zizmor, "--offline", "--persona=auditor", "--no-progress", str(folder)]
    done = subprocess.run(audit, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    agent = folder / "agent.yml"
    agent.write_text(agent.read_text().replace("ref: " + "a" * 40, "ref: ${{ github.event.issue.title }}", 1))
    agent.write_text(agent.read_text().replace("persist-credentials: false", "persist-credentials: true"))
    done = subprocess.run(audit, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0, "an auditor that never complains proves nothing"


def test_choices_reach_the_files_that_name_them(shipped: Mapping[str, str]) -> None:
    made = installed(shipped, PROGRAM, Choices(branch="trunk", region="eu-west-1", bucket="acme-state"))
    settings = parse(Settings, made[".github/infra-agent.yml"], "settings")
    assert {one.region for one in settings.environments.values()} == {"eu-west-1"}
    assert {(one.state.bucket, one.state.region) for one in settings.environments.values()} == {
        ("acme-state", "eu-west-1")
    }
    guardrails = parse(Guardrails, made["policies/guardrails.yml"], "guardrails")
    assert {one.regions for one in guardrails.environments.values()} == {("eu-west-1",)}
    for path, text in made.items():
        if path.startswith(WORKFLOWS):
            for trigger in load(text)["on"].values():
                assert "branches" not in (trigger or {}) or trigger["branches"] == ["trunk"]
            assert "[main]" not in text
            assert "refs/heads/main" not in text


def test_the_step_stands_before_the_next_one_and_its_comment() -> None:
    lines = workflow(f"{WORKFLOWS}x.yml", JOB, PROGRAM, Choices()).splitlines()
    assert lines[0] == f"# Written by `infra-agent init` from acme/infra-agent at {'a' * 40}."
    assert lines.index("      # what comes next") > lines.index(f"          path: {FOLDER}")
    assert lines[-1].startswith(f"      - run: {FOLDER}/bin/infra-agent job intake")
    assert pinned("\n".join(lines)) == PROGRAM


def test_a_workflow_that_would_run_without_the_program_is_refused() -> None:
    text = JOB.replace("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "acme/fetch@" + "b" * 40)
    with pytest.raises(ToolError, match="the job one does not get the program at aaaaaaa"):
        workflow(f"{WORKFLOWS}x.yml", text, PROGRAM, Choices())
    with pytest.raises(ToolError, match="not a workflow"):
        workflow(f"{WORKFLOWS}x.yml", "- a list\n", PROGRAM, Choices())


def test_the_program_is_pinned_by_a_full_commit_that_is_known(program: git.Repo) -> None:
    folder, head = Path(str(program.working_tree_dir)), program.head.commit.hexsha
    assert find_program(folder, ref="", repository="") == Program("acme/infra-agent", head)
    assert find_program(folder, ref=head, repository="fork/agent").repository == "fork/agent"
    for ref in ("main", "v1.0", head[:12]):
        with pytest.raises(UserError, match="40 hex digits"):
            find_program(folder, ref=ref, repository="")
    with pytest.raises(UserError, match="not in"):
        find_program(folder, ref="b" * 40, repository="")
    (folder / "policies/waivers.yml").write_text("version: 1\nwaivers: []\n")
    with pytest.raises(UserError, match="changes that no commit has"):
        find_program(folder, ref="", repository="")
    assert find_program(folder, ref=head, repository="").commit == head
    assert not holds(folder, "b" * 40)


def test_a_program_of_unknown_origin_is_asked_for(program: git.Repo, tmp_path: Path) -> None:
    folder = Path(str(program.working_tree_dir))
    program.delete_remote(program.remote("origin"))
    with pytest.raises(UserError, match="--program OWNER/NAME"):
        find_program(folder, ref="", repository="")
    with pytest.raises(UserError, match="no git checkout"):
        find_program(tmp_path, ref="", repository="acme/infra-agent")


def test_the_seal_s_policy_covers_the_pinned_program_and_nothing_that_is_the_shop_s_own(
    program: git.Repo, shop: git.Repo
) -> None:
    """The workflow files hold the commit of the program, so another one is another policy version."""
    root = Path(str(shop.working_tree_dir))
    folder, head = Path(str(program.working_tree_dir)), program.head.commit.hexsha

    def install(ref: str) -> str:
        for path, text in installed(shipped_files(folder, ref), Program("acme/infra-agent", ref), Choices()).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return commit(shop)

    first = install(head)
    (folder / "README.md").write_text("only the program's own readme\n")
    second = install(commit(program))
    assert policy_of(shop, first) != policy_of(shop, second)
    for path in ("bin/deploy", "agent/main.py", "requirements/web.txt", "pyproject.toml", "README.md"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("the shop's own\n")
    third = commit(shop)
    assert policy_of(shop, third) == policy_of(shop, second)
    remote = Remote(url=str(root), token="")
    shop.git.config("uploadpack.allowAnySHA1InWant", "true")
    assert change_of(shop, remote, base=second, commit=third) == ()
    (root / "policies/waivers.yml").write_text("version: 1\nwaivers: []\n")
    assert [file.path for file in change_of(shop, remote, base=second, commit=commit(shop))] == ["policies/waivers.yml"]


def test_where_the_program_stands_in_the_repository_it_is_part_of_the_policy(program: git.Repo) -> None:
    before = policy_of(program, program.head.commit.hexsha)
    path = Path(str(program.working_tree_dir), "agent/gate/x.py")
    path.parent.mkdir(parents=True)
    path.write_text("pass\n")
    assert policy_of(program, commit(program)) != before


# --- with a GitHub App of one's own --------------------------------------------------------------------------------

APP_NAMES = {"INFRA_AGENT_APP_ID", "INFRA_AGENT_APP_SLUG"}
APP_KEY = "INFRA_AGENT_APP_KEY"


def test_with_an_app_only_the_jobs_that_write_on_the_default_branch_hold_its_key(shipped: Mapping[str, str]) -> None:
    plain = installed(shipped, PROGRAM, Choices())
    made = installed(shipped, PROGRAM, Choices(app=True))
    assert {path for path in made if made[path] != plain[path]} == {
        f"{WORKFLOWS}{name}.yml" for name in ("agent", "apply", "change")
    }
    holders, named = set(), set()
    for path in (path for path in made if path.startswith(WORKFLOWS)):
        before, after = load(plain[path]), load(made[path])
        for name, job in after["jobs"].items():
            given = [step for step in job["steps"] if APP_NAMES & set(step.get("env") or {})]
            holds = [step for step in given if APP_KEY in step["env"]]
            assert given == [step for step in given if f"infra-agent job {name} " in step["run"]], "one step alone"
            named |= {f"{Path(path).stem}:{name}"} if given else set()
            if holds:
                holders.add(f"{Path(path).stem}:{name}")
                assert job.pop("environment") == "infra-agent"
                assert holds[0]["env"].pop(APP_KEY) == "${{ secrets.INFRA_AGENT_APP_KEY }}"
            for step in given:
                assert {step["env"].pop(one) for one in APP_NAMES} == {f"${{{{ vars.{one} }}}}" for one in APP_NAMES}
            assert APP_KEY not in str(job)
        assert after == before, f"{path}: nothing else differs"
    assert holders == {
        "agent:receive", "agent:steer", "agent:propose", "agent:publish", "apply:lock", "apply:report",
    }  # fmt: skip
    assert named == holders | {"agent:intake", "apply:resolve", "change:intake", "change:steer", "change:publish"}


def test_every_job_that_gets_a_token_of_the_app_is_in_the_workflows_with_its_key(shipped: Mapping[str, str]) -> None:
    made = installed(shipped, PROGRAM, Choices(app=True))
    keyed = {
        name
        for path, text in made.items()
        if path.startswith(WORKFLOWS)
        for name, job in load(text)["jobs"].items()
        if APP_KEY in str(job)
    }
    assert keyed == set(GRANTS)


def test_a_job_without_a_place_for_the_app_is_not_installed() -> None:
    with pytest.raises(ToolError, match="no place for the App's env and environment"):
        workflow(f"{WORKFLOWS}agent.yml", JOB.replace("job intake", "job propose"), PROGRAM, Choices(app=True))
    with_one = "    permissions:\n      contents: read\n    environment: mine\n    steps:\n"
    text = JOB.replace("job intake", "job propose").replace("    steps:\n", with_one) + "        env:\n          A: b\n"
    with pytest.raises(ToolError, match="no place for the App's environment"):
        workflow(f"{WORKFLOWS}agent.yml", text, PROGRAM, Choices(app=True))
