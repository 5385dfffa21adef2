"""The shipped workflow files: one job one zone, and nothing that an event says is ever run."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from agent.commands import COMMANDS
from agent.domain import ROUTES, Situation
from agent.jobs import ORDER
from agent.models.providers import KEYS_FILE, KINDS, configured
from agent.models.roles import load_roles
from agent.models.tools.history import MOST_REQUESTS

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
PIPELINE = {"agent.yml", "change.yml", "apply.yml"}
READ, WRITE = "read", "write"
# The table of docs/security.md.
ZONES: dict[str, dict[str, str]] = {
    "intake": {"contents": READ, "issues": READ, "pull-requests": READ},
    "receive": {"contents": READ, "issues": WRITE},
    "steer": {"actions": WRITE, "checks": READ, "contents": WRITE, "issues": WRITE, "pull-requests": WRITE},
    "author": {"contents": READ},
    "examine": {"contents": READ},
    "propose": {"contents": WRITE, "issues": WRITE, "pull-requests": WRITE},
    "plan": {"contents": READ, "id-token": WRITE},
    "review": {"contents": READ},
    "publish": {"contents": READ, "checks": WRITE, "issues": WRITE, "pull-requests": WRITE},
    "resolve": {"checks": READ, "contents": READ, "issues": READ, "pull-requests": READ},
    "lock": {"actions": READ, "contents": WRITE},
    "apply": {"contents": READ, "id-token": WRITE},
    "validate": {"contents": READ, "id-token": WRITE},
    "report": {"contents": WRITE, "checks": WRITE, "issues": WRITE, "pull-requests": WRITE},
}
# Jobs that ask a language model.
ASKING = ("author", "review")
LOGIN = "aws-actions/configure-aws-credentials"


def load(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return made


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path.name, name, job) for path in FILES for name, job in load(path)["jobs"].items()]


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{file}:{name}", step) for file, name, job in jobs() for step in job["steps"]]


def test_there_are_the_workflows_of_the_design() -> None:
    assert {path.name for path in FILES} == PIPELINE | {"ci.yml"}
    for part, files in zip(ORDER, (("agent.yml", "change.yml"), ("apply.yml",)), strict=True):
        for file in files:
            names = [name for where, name, _ in jobs() if where == file]
            assert [name for name in part if name in names] == names


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[0] in PIPELINE])
def test_W07_a_job_has_the_permissions_of_its_zone(file: str, name: str, job: dict[str, Any]) -> None:
    assert job["permissions"] == ZONES[name]
    assert ("id-token" in ZONES[name]) == any(LOGIN in step.get("uses", "") for step in job["steps"])
    asks = name in ASKING and "secrets" in str(job)
    assert job.get("environment") == ("apply" if name == "apply" else "models" if asks else None)
    assert 0 < job["timeout-minutes"] <= 60


def test_the_table_in_the_documentation_is_this_one() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| ([a-z:;, -]+?) \|", text, re.MULTILINE))
    for name, permissions in ZONES.items():
        said: dict[str, str] = {}
        for part in rows[name].split(";"):
            names, level = re.fullmatch(r"\s*([a-z, -]+): (read|write)(?:, id-token: write)?", part).groups()  # type: ignore[union-attr]
            said |= dict.fromkeys([one.strip() for one in names.split(",")], level)
        if "id-token: write" in rows[name]:
            said["id-token"] = WRITE
        assert said == permissions, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_W07_nothing_is_granted_to_all_jobs(path: Path) -> None:
    assert load(path)["permissions"] == {}
    assert "concurrency" in load(path)


@pytest.mark.parametrize(("place", "step"), steps())
def test_W01_no_expression_stands_in_a_script(place: str, step: dict[str, Any]) -> None:
    assert "${{" not in step.get("run", ""), place


@pytest.mark.parametrize(("place", "step"), steps())
def test_W02_no_text_of_an_event_stands_in_an_environment(place: str, step: dict[str, Any]) -> None:
    for value in (step.get("env") or {}).values():
        assert "github.event" not in str(value), place


@pytest.mark.parametrize(("place", "step"), [item for item in steps() if "actions/checkout" in item[1].get("uses", "")])
def test_W03_W05_only_trusted_branches_are_checked_out_and_no_credential_stays(
    place: str, step: dict[str, Any]
) -> None:
    assert step["with"]["persist-credentials"] is False
    expected = None
    if place.startswith("change.yml"):
        # intake reads the base branch once; the jobs after it stand on the very commit that it read.
        expected = "${{ github.base_ref }}" if place.endswith(":intake") else "${{ needs.intake.outputs.base }}"
    assert step["with"].get("ref") == expected, place


@pytest.mark.parametrize(("place", "step"), [item for item in steps() if "uses" in item[1]])
def test_W06_every_action_is_pinned_by_its_full_sha(place: str, step: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"]), place


@pytest.mark.parametrize(("place", "step"), steps())
def test_W06_nothing_is_installed_without_a_hash(place: str, step: dict[str, Any]) -> None:
    assert not re.search(r"\b(pip|npm|npx|curl|wget|apt-get)\b", step.get("run", "")), place


def test_W08_no_condition_trusts_a_name() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert "github.actor" not in text
    assert "[bot]" not in text
    assert "author_association" not in text
    assert "contains(" not in text


def test_W09_no_secret_stands_in_a_job_without_its_environment() -> None:
    for _, name, job in jobs():
        assert "secrets" not in str(job) or (name in ASKING and job["environment"] == "models"), name
    assert "inherit" not in "".join(path.read_text(encoding="utf-8") for path in FILES)


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[1] in ASKING])
def test_W09_R01_the_keys_of_models_stand_in_one_step_that_only_writes_them_to_a_file(
    file: str, name: str, job: dict[str, Any]
) -> None:
    holding = [at for at, step in enumerate(job["steps"]) if "secrets" in str(step)]
    if not holding:
        assert name != "review", f"{file}: a review without a key asks nobody"
        return
    (at,) = holding
    given = job["steps"][at]["env"]
    kinds = {kind.key: "secrets" for kind in KINDS.values()} | {kind.address: "vars" for kind in KINDS.values()}
    assert given == {key: f"${{{{ {where}.{key} }}}}" for key, where in kinds.items()}
    (line,) = [one for one in job["steps"][at]["run"].splitlines() if one != "umask 077"]
    assert re.fullmatch(r"""jq -n '\$ENV \| with_entries\([^']*\)' > "\$RUNNER_TEMP/models\.json\"""", line)
    # What runs next is the job alone: it reads the file and removes it before it starts anything.
    asking = job["steps"][at + 1]
    assert asking["env"]["INFRA_AGENT_KEYS_FILE"] == "${{ runner.temp }}/models.json"
    assert f"bin/infra-agent job {name} " in asking["run"]
    assert str(job).count("models.json") == 2
    assert "id-token" not in job["permissions"]


def test_R01_the_step_writes_exactly_what_the_program_reads(tmp_path: Path) -> None:
    (step,) = [
        one for file, name, job in jobs() if (file, name) == ("agent.yml", "review")
        for one in job["steps"] if "secrets" in str(one)
    ]  # fmt: skip
    given = {name: f"value of {name}" for name in step["env"]} | {"OPENAI_BASE_URL": "https://models.acme.example/v1"}
    given |= dict.fromkeys(("ANTHROPIC_BASE_URL", "COMPATIBLE_BASE_URL", "OLLAMA_BASE_URL"), "")
    environ = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path), "HOME": "/", **given}
    subprocess.run(["bash", "-euo", "pipefail", "-c", step["run"]], env=environ, check=True, timeout=20)
    path = tmp_path / "models.json"
    assert path.stat().st_mode & 0o777 == 0o600
    providers = configured({KEYS_FILE: str(path)})
    assert set(providers.access) == {"anthropic", "openai"}
    assert providers.access["openai"].base_url == "https://models.acme.example/v1"
    assert "value of OPENAI_API_KEY" in providers.secrets()


def test_W14_every_job_runs_on_a_fresh_machine() -> None:
    assert {job["runs-on"] for _, _, job in jobs()} == {"ubuntu-24.04"}


def test_what_starts_the_pipeline_waits_its_turn_and_pushes_nothing_out() -> None:
    group = load(ROOT / ".github/workflows/agent.yml")["concurrency"]
    assert (group["cancel-in-progress"], group["queue"]) == (False, "max")
    names = {"approve-destroy"} | {
        word for one in COMMANDS.values() if one.name in ROUTES for word in (one.name, *one.aliases)
    }
    said = set(re.findall(r"startsWith\(github\.event\.comment\.body, '/agent ([a-z-]+)'\)", group["group"]))
    assert said == names
    # What only asks, and above all `cancel`, must not wait behind what it asks about.
    assert not [one for one in COMMANDS if one not in names and any(one.startswith(word) for word in said)]


def test_a_requests_runs_are_found_by_their_name() -> None:
    names = {path.name: load(path).get("run-name") for path in FILES}
    assert names["agent.yml"] == "agent #${{ github.event.issue.number }}"
    assert names["change.yml"] == "change #${{ github.event.pull_request.number }}"


def test_every_route_has_the_jobs_that_go_it() -> None:
    made = load(ROOT / ".github/workflows/agent.yml")["jobs"]
    for name, routes in {
        "author": {"write"},
        "steer": {"steer"},
        "receive": {"write", "plan", "restore"},
        "examine": {"plan", "restore"},
        "propose": {"restore"},
        "plan": {"plan"},
        "publish": {"write", "plan", "restore"},
    }.items():
        assert set(re.findall(r"outputs\.route == '(\w+)'", made[name]["if"])) == routes, name


# Whose questions each job asks.
ROLES = {"author": ("strategist", "author-terraform", "author-ansible", "author-kubernetes"), "review": ("analyst",)}
HISTORY = {"similar-requests", "recent-failures"}


def test_a_job_whose_models_read_the_history_has_it() -> None:
    roles = load_roles(ROOT)
    reading = {job for job, names in ROLES.items() if any(HISTORY & set(roles[name].tools) for name in names)}
    assert reading == {"author"}
    for file, name, job in jobs():
        if name in reading:
            (checkout,) = [step for step in job["steps"] if "actions/checkout" in step.get("uses", "")]
            depth = checkout["with"].get("fetch-depth", 1)
            assert depth == 0 or depth >= MOST_REQUESTS, f"{file}:{name}"


def test_what_stands_around_a_request_reaches_the_author_by_its_digest() -> None:
    made = load(ROOT / ".github/workflows/agent.yml")["jobs"]
    assert made["intake"]["outputs"][Situation.name] == "${{ steps.job.outputs.situation }}"
    expected = next(one["env"]["INFRA_AGENT_EXPECT"] for one in made["author"]["steps"] if one.get("id") == "job")
    assert "situation=${{ needs.intake.outputs.situation }}" in expected.split(" ", 1)[1]


def test_W12_nothing_says_more_when_debugging_is_on() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (*FILES, *(ROOT / "agent/jobs").glob("*.py")))
    code += (ROOT / "agent/__main__.py").read_text(encoding="utf-8")
    assert not re.search(r"STEP_DEBUG|RUNNER_DEBUG|set -x|enable_console_debug_logging|logging\.DEBUG|TF_LOG", code)
    for place, step in steps():
        assert not re.search(r"\b(env|printenv|set)\s*$", step.get("run", ""), re.MULTILINE), place
