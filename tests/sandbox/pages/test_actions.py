"""The pages of runs, jobs and logs: of records as a runner keeps them, and of a run that really ran."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agent.sandbox.forge import Forge, serve
from agent.sandbox.pages import pages
from agent.sandbox.pages.actions import read_needs, stages
from agent.sandbox.runner import Annotation, Job, Run, Runner, Step
from tests.sandbox.pages.conftest import World

RUN = Run(
    id=7, repo="acme/infra", path=".github/workflows/agent.yml", workflow="agent", name="A <b>bucket", number=3,
    event="issues", ref="refs/heads/main", head_branch="main", head_sha="", actor="lena", html_url="",
    created_at="2026-01-02T03:04:05.000Z", started_at="2026-01-02T03:04:05.000Z",
)  # fmt: skip


def job(number: int, key: str, **values: object) -> Job:
    whole = Job(id=number, run_id=7, attempt=1, key=key, name=key, status="completed", conclusion="success")
    return replace(whole, **values)  # type: ignore[arg-type]  # values of a dataclass's own fields


@dataclass
class Records:
    found: list[Run]

    def run(self, run_id: int) -> Run:
        return {run.id: run for run in self.found}[run_id]

    def runs(self, repo: str) -> list[Run]:
        return [run for run in self.found if run.repo == repo]


def test_jobs_stand_behind_what_they_need() -> None:
    needs = read_needs("jobs: {a: {}, b: {needs: a}, c: {needs: [a]}, d: {needs: [b, c]}, e: {needs: e}}")
    jobs = tuple(job(number, key) for number, key in enumerate("dcbae"))
    columns = stages(replace(RUN, jobs=jobs), needs)
    assert [sorted(one.key for one in column) for column in columns] == [["a", "e"], ["b", "c"], ["d"]]


def test_a_workflow_that_cannot_be_read_has_no_needs() -> None:
    assert read_needs("jobs: [") == {}
    assert read_needs("- a") == {}
    assert read_needs("jobs: {a: {needs: b}, c: 3}") == {"a": ["b"], "c": []}


def test_run_and_job_pages(start: Callable[..., World], tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "job.log").write_text("2026-01-02T03:04:05.0000000Z all <of> it\n")
    (logs / "1.log").write_text(
        "2026-01-02T03:04:05.0000000Z ##[group]Run plan\n2026-01-02T03:04:05.0000000Z plan\n"
        "2026-01-02T03:04:05.0000000Z ##[endgroup]\n2026-01-02T03:04:06.0000000Z ##[error]<script>bad</script>\n"
    )
    (logs / "summary.md").write_text("## Plan\n\n**3** to add <script>x</script>")
    failed = job(
        11, "plan", conclusion="failure", log_path=str(logs / "job.log"),
        started_at="2026-01-02T03:04:05.000Z", completed_at="2026-01-02T03:05:09.000Z",
        steps=(Step(1, "plan", "completed", "failure"), Step(2, "upload", "completed", "skipped")),
        annotations=(Annotation("error", "exit code 1", "infra/main.tf", 2),),
    )  # fmt: skip
    records = Records([])
    world = start(records)
    sha = world.forge.resolve("acme/infra", "main")
    records.found = [replace(RUN, head_sha=sha, status="in_progress", jobs=(job(10, "intake"), failed))]

    listed = world.get("/actions").text
    assert "A &lt;b&gt;bucket" in listed
    assert 'http-equiv="refresh"' in listed
    run = world.get("/actions/runs/7").text
    assert run.index('/job/10">') < run.index('/job/11">')
    assert "1m 4s" in run
    assert "<strong>3</strong> to add" in run
    assert "exit code 1" in run
    assert f"/blob/{sha}/infra/main.tf#L2" in run
    assert "<script>" not in run
    page = world.get("/actions/runs/7/job/11").text
    assert '<details class="step" id="step:1" open>' in page
    assert '<details class="step" id="step:2">' in page
    assert "Error: &lt;script&gt;bad" in page
    assert world.get("/actions/runs/7/job/11/raw").text == (logs / "job.log").read_text()
    assert world.get("/actions/runs/7/job/99").status_code == 404
    records.found = [replace(records.found[0], status="completed", conclusion="failure", jobs=(failed,))]
    assert 'http-equiv="refresh"' not in world.get("/actions/runs/7").text
    assert world.post("/actions/runs/7/explode", {}).status_code == 404


def test_a_real_run_and_running_it_again(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "forge")
    forge.create_user("lena")
    forge.create_user("omar")
    workflow = (
        b"name: hello\non: workflow_dispatch\npermissions: {}\njobs:\n  greet:\n    runs-on: ubuntu-24.04\n    steps:\n"
        b"      - name: Greet\n        run: |\n          echo 'hello <world>'\n"
        b"          echo '## Greeted' >> \"$GITHUB_STEP_SUMMARY\"\n"
    )
    forge.create_repository("acme", "infra", seed={".github/workflows/hello.yml": workflow})
    forge.set_permission("acme/infra", "omar", "maintain")
    machine = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    runner = Runner(forge, tmp_path / "runner", tools={}, machine=machine)
    started: list[list[int]] = []
    forge.on_event = lambda event: started.append(runner.handle(event))
    forge.app.register_blueprint(runner.blueprint)
    forge.app.register_blueprint(pages(forge, runner))
    server = serve(forge)
    world = World(forge, server.url, {"omar": forge.create_user("omar")}, [])
    try:
        world.api("POST", "/actions/workflows/hello.yml/dispatches", as_="omar", ref="main")
        run = runner.wait(started[-1][0], 30)
        assert run.conclusion == "success", run
        one = run.jobs[0]
        where = f"/actions/runs/{run.id}"
        assert run.html_url.endswith(where)
        assert "Greeted</h2>" in world.get(where).text
        assert "hello &lt;world&gt;" in world.get(f"{where}/job/{one.id}").text
        refused = world.post(f"{where}/rerun", {}, as_="lena")
        assert refused.status_code == 403
        assert "Refused." in refused.text
        assert world.post(f"{where}/rerun", {}).status_code == 303
        assert runner.wait(run.id, 30).attempt == 2
    finally:
        runner.stop()
        server.stop()
        forge.close()
