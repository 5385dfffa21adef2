"""The workflow of the apply: nothing is applied that is not locked, and every end is told."""

from typing import Any

from tests.workflows.test_zones import ROOT, load

APPLY = load(ROOT / ".github/workflows/apply.yml")
JOBS: dict[str, dict[str, Any]] = APPLY["jobs"]


def expected(job: str) -> str:
    """The digests that the job is told to expect."""
    (step,) = [step for step in JOBS[job]["steps"] if step.get("id") == "job"]
    return str(step["env"]["INFRA_AGENT_EXPECT"])


def test_an_apply_waits_for_the_locks_of_its_run() -> None:
    for job in ("apply", "validate"):
        assert {"resolve", "lock"} <= set(JOBS[job]["needs"])
        assert "needs.lock.outputs.status == 'taken'" in JOBS[job]["if"]
    assert "merge=${{ needs.resolve.outputs.merge }}" in expected("apply")
    assert "locks=${{ needs.lock.outputs.locks }}" in expected("apply")


def test_the_report_runs_whatever_the_end() -> None:
    report = JOBS["report"]
    assert report["if"] == "${{ always() && needs.resolve.outputs.status != 'nothing' }}"
    assert list(report["needs"]) == [job for job in JOBS if job != "report"]
    (step,) = [step for step in report["steps"] if step.get("id") == "job"]
    for job in report["needs"]:
        assert f"{job}=${{{{ needs.{job}.result }}}}" in step["env"]["INFRA_AGENT_RESULTS"]


def test_who_writes_locks_has_no_cloud_and_who_applies_writes_nothing() -> None:
    assert "id-token" not in JOBS["lock"]["permissions"]
    assert "environment" not in JOBS["lock"]
    assert set(JOBS["apply"]["permissions"]) == {"contents", "id-token"}
    assert JOBS["apply"]["permissions"]["contents"] == "read"


def test_each_apply_has_an_artifact_of_its_own() -> None:
    uploads = [step for step in JOBS["apply"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert [step["with"]["name"] for step in uploads] == ["outcome-${{ strategy.job-index }}"]
    downloads = [step["with"] for step in JOBS["validate"]["steps"] if "download-artifact" in step.get("uses", "")]
    (outcomes,) = [given for given in downloads if given["pattern"] == "outcome-*"]
    assert "merge-multiple" not in outcomes, "the artifact's name says of which unit it may speak"


def test_a_retry_says_of_which_pull_request() -> None:
    inputs = APPLY["on"]["workflow_dispatch"]["inputs"]
    assert set(inputs) == {"pull_request"}
    assert (inputs["pull_request"]["required"], inputs["pull_request"]["type"]) == (True, "string")
