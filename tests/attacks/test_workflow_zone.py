"""The corpus, zone `workflow`: what runs beside a credential."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.documents import write
from agent.domain import DOCUMENTS, AttributeChange, Change, Plan, UnitPlan
from agent.effects import Effects
from agent.errors import UserError
from tests.workflows.test_zones import LOGIN, PIPELINE, jobs

# GitHub's own, and the cloud's login.
TRUSTED = {"actions/checkout", "actions/upload-artifact", "actions/download-artifact", LOGIN}


def names(job: dict[str, Any]) -> list[str]:
    return [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[0] in PIPELINE])
def test_W11_no_other_action_stands_beside_a_credential(file: str, name: str, job: dict[str, Any]) -> None:
    found = names(job)
    assert set(found) <= TRUSTED, f"{file}:{name}"
    assert not any("cache" in str(step) for step in job["steps"]), f"{file}:{name}"
    if LOGIN in found:
        assert found.count(LOGIN) == 1
        after = found[found.index(LOGIN) + 1 :]
        assert set(after) <= {"actions/upload-artifact"}, f"{file}:{name}: {after} would see the cloud's credential"


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[0] in PIPELINE])
def test_W11_a_token_or_a_key_is_given_to_our_own_steps_alone(file: str, name: str, job: dict[str, Any]) -> None:
    place = f"{file}:{name}"
    keys = False
    for step in job["steps"]:
        given = str(step.get("env", ""))
        if "github.token" in given:
            assert re.search(r"^\s*bin/infra-agent job ", step["run"], re.MULTILINE), place
        if "secrets." in given:
            assert "uses" not in step, place
            keys = True
        elif keys and "uses" in step:
            assert step["uses"].startswith("actions/upload-artifact@"), f"{place}: it could read the key's file"
    everything = str({key: value for key, value in job.items() if key != "steps"})
    assert not re.search(r"github\.token|secrets\.", everything), place
    assert not re.search(r"toJSON\(\s*(secrets|github|env)\s*\)", str(job), re.IGNORECASE), place


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[0] in PIPELINE])
def test_P03_a_job_reads_only_the_documents_whose_digests_it_was_told(
    file: str, name: str, job: dict[str, Any]
) -> None:
    """Artifacts can be replaced within a run; the outputs of a job cannot. What it was not told is refused."""
    place, made = f"{file}:{name}", made_by(file)
    if not any("download-artifact" in step.get("uses", "") for step in job["steps"]):
        return
    (step,) = [one for one in job["steps"] if "bin/infra-agent job" in one.get("run", "")]
    told = dict(re.findall(r"(\w+)=(\$\{\{.*?\}\})", step["env"]["INFRA_AGENT_EXPECT"]))
    assert told, place
    for document, expression in told.items():
        sources = re.findall(r"needs\.(\w+)\.outputs\.(\w+)", expression)
        assert sources, place
        assert all(output == document and document in made[before] for before, output in sources), place


@pytest.mark.parametrize("told", [{}, {"INFRA_AGENT_EXPECT": ""}, {"INFRA_AGENT_EXPECT": "request= change="}])
def test_P03_in_ci_a_document_whose_digest_nobody_announced_is_refused(tmp_path: Path, told: dict[str, str]) -> None:
    write(tmp_path / "plan.json", Plan())
    environ = {"GITHUB_ACTIONS": "true", **told}
    documents = Effects(environ, folder=tmp_path, unit="", job="publish").get("documents")
    with pytest.raises(UserError, match=r"plan\.json: its SHA-256 is not the one"):
        documents.get(Plan)
    assert Effects({}, folder=tmp_path, unit="", job="publish").get("documents").get(Plan) == Plan(), "on a laptop"


def made_by(file: str) -> dict[str, set[str]]:
    """The documents whose digests each job of the workflow announces. A matrix announces none: GitHub joins those."""
    found = {}
    for where, name, job in jobs():
        if where == file:
            outputs = job.get("outputs", {})
            found[name] = {one for one, value in outputs.items() if value == f"${{{{ steps.job.outputs.{one} }}}}"}
            found[name] &= set(DOCUMENTS)
    return found


SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[0] == "change.yml"])
def test_W03_a_forks_run_gets_neither_a_credential_nor_a_token_that_writes(
    file: str, name: str, job: dict[str, Any]
) -> None:
    if "write" in job["permissions"].values() or "secrets." in str(job) or LOGIN in names(job):
        condition = re.sub(r"\([^()]*\)", "()", str(job["if"]).removeprefix("${{").removesuffix("}}"))
        assert SAME_REPOSITORY in [part.strip() for part in condition.split("&&")], f"{file}:{name}"
        assert "||" not in condition, f"{file}:{name}"


@pytest.mark.parametrize(("file", "name", "job"), [item for item in jobs() if item[0] in PIPELINE])
def test_T19_only_documents_are_kept(file: str, name: str, job: dict[str, Any]) -> None:
    """A plan file and a state hold secrets, and whoever may read the repository may read what a run keeps."""
    for step in job["steps"]:
        if "upload-artifact" in step.get("uses", ""):
            assert step["with"]["path"] == "out", f"{file}:{name}"
        written = re.findall(r"out/([\w$\"-]+\.\w+)", step.get("run", ""))
        assert all(one.endswith(".json") for one in written), f"{file}:{name}"
        assert set(written) <= {f"{kind}.json" for kind in DOCUMENTS} | {"outcome-$INDEX.json"}, f"{file}:{name}"


def test_T19_the_plan_document_has_no_place_for_values_but_short_plain_words() -> None:
    text = Plan(
        units=(
            UnitPlan(
                unit="infra/terraform/dev/x", target="terraform", status="planned",
                changes=(Change(address="a.b", type="a", verbs=("create",), fields=("password",), sensitive=True),),
            ),
        )
    ).model_dump_json()  # fmt: skip
    assert "password" in text
    assert {"fields", "sensitive"} <= set(Change.model_fields)
    assert not {"before", "after", "planned_values", "prior_state", "raw"} & {
        *Change.model_fields, *UnitPlan.model_fields, *Plan.model_fields,
    }  # fmt: skip
    for text in ("two words", "x" * 65, "line\nbreak", "`tick`", "@someone", "a=b"):
        with pytest.raises(ValidationError):
            AttributeChange(path="engine", after=(text,))
