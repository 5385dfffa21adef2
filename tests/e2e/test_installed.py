"""A stranger's repository, with workflows and Terraform of its own: `init`, then a request through what it wrote."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import git
import pytest

from agent.sandbox import world
from agent.sandbox.runner import Run
from agent.sandbox.visit import Visit, example_request

PROJECT = Path(__file__).parent.parent.parent
PROGRAM, SHOP = world.REPOSITORY, "acme/shop"
OWN = {
    "README.md": b"# The shop\n",
    "bin/deploy": b"#!/bin/sh\necho ours\n",
    "pyproject.toml": b"[project]\nname = 'shop'\n",
    ".github/workflows/tests.yml": (
        b"name: tests\non: {push: {branches: [main]}}\npermissions: {}\n"
        b"jobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo tested\n"
    ),
    "network/main.tf": b'terraform {\n  backend "local" {}\n}\n\nresource "aws_eip" "main" {}\n',
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def guest(provider_mirror: Path, tmp_path: Path) -> Iterator[Visit]:
    """A world whose GitHub serves this project as `acme/infra` and a shop's own repository."""
    started = world.start(tmp_path / "world", project=PROJECT, environ=os.environ, mirror=str(provider_mirror))
    try:
        started.forge.create_repository("acme", "shop", seed=OWN)
        for login, permission in ((world.REQUESTER, "write"), (world.MAINTAINER, "maintain")):
            started.forge.set_permission(SHOP, login, permission)  # type: ignore[arg-type]
        for name, value in started.forge.variables(PROGRAM).items():
            started.forge.set_variable(SHOP, name, value)
        yield Visit(started, SHOP)
    finally:
        started.stop()


def clone(guest: Visit, repository: str, folder: Path) -> git.Repo:
    token = guest.world.tokens[world.MAINTAINER]
    url = f"{guest.world.server.url}/{repository}.git".replace("://", f"://x-access-token:{token}@")
    made = git.Repo.clone_from(url, folder)
    with made.config_writer() as config:
        config.set_value("user", "name", "morgan").set_value("user", "email", "morgan@example.com")
    return made


def init(program: Path, shop: Path) -> str:
    done = subprocess.run(
        [program / "bin/infra-agent", "init", "--path", shop, "--yes"],
        env={**os.environ, "INFRA_AGENT_ENVS": str(PROJECT / ".venvs"), "PYTHONPATH": ""},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settled(guest: Visit, workflow: str, *, after: int = 0) -> Run:
    run = guest.settled_run(workflow, timeout=480, after=after)
    assert run.conclusion == "success", [(job.key, job.conclusion) for job in run.jobs]
    return run


def test_a_request_is_applied_on_a_repository_that_init_was_run_on(guest: Visit, tmp_path: Path) -> None:
    program = clone(guest, PROGRAM, tmp_path / "program")
    shop = clone(guest, SHOP, tmp_path / "shop")
    said = init(tmp_path / "program", tmp_path / "shop")
    assert f"infra-agent from {PROGRAM} at {program.head.commit.hexsha}" in said
    assert "Workflows of your own are kept as they are: .github/workflows/tests.yml" in said
    assert "`git mv network infra/terraform/<environment>/<stack>`" in said
    assert "there is no new file" in init(tmp_path / "program", tmp_path / "shop")
    shop.git.add(".")
    shop.index.commit("Install infra-agent")
    shop.remotes.origin.push().raise_if_error()
    for path, content in OWN.items():
        assert (tmp_path / "shop" / path).read_bytes() == content

    issue = guest.file_issue(*example_request("s3-bucket"))
    run = settled(guest, "agent")
    assert {job.key for job in run.jobs if job.conclusion == "success"} >= {"intake", "author", "examine", "propose"}
    assert guest.labels(issue.number) == {"agent:ready"}
    pull = guest.pull_request(issue.number)
    assert pull is not None
    assert {file.filename.rsplit("/", 1)[0] for file in pull.get_files()} == {"infra/terraform/dev/team-reports"}

    before = max(run.id for run in guest.world.runner.runs(SHOP))
    guest.merge(pull)
    settled(guest, "apply", after=before)
    # The installation's own push changed nothing under infra/: nothing to apply, and nobody was bothered.
    assert [run.workflow for run in guest.world.runner.runs(SHOP)].count("apply") == 1
    deadline = time.monotonic() + 10
    while guest.issue_state(issue.number) != "closed" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (guest.issue_state(issue.number), guest.labels(issue.number)) == ("closed", {"agent:applied"})
    assert guest.created() == ["arn:aws:s3:::team-reports"]
