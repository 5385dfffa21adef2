"""GitHub Enterprise Server: the API below /api/v3 and GraphQL at /api/graphql of the server's own address."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.github import read, write
from agent.github.access import access
from tests.github.conftest import NAME, Registered


@pytest.mark.parametrize("end", ["", "/"])
def test_all_of_it_goes_to_the_base_url(registered: Registered, end: str) -> None:
    environ = registered.environ(GITHUB_API_URL=registered.forge.api + end)
    connection = access(environ, job="steer").connect()
    requester = connection.repository.requester
    assert requester.graphql_url == f"{registered.forge.url}/api/graphql"
    connection.repository.create_issue("t")
    for number in range(3):
        url = write.upsert_comment(connection, 1, marker=f"<!-- m{number} -->", body="text")
    write.outdate(connection, 1, marker="<!-- m", keep=url)
    assert len(read.comments(connection, 1)) == 3
    assert url.startswith(f"{registered.forge.url}/{NAME}/issues/1")
    paths = {call.path for call in registered.forge.api_calls()}
    assert "/api/graphql" in paths


def test_the_address_of_github_itself_is_the_default() -> None:
    found = access({"GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": NAME}, job="intake")
    requester = found.connect().repository.requester
    assert (found.api_url, requester.graphql_url) == ("https://api.github.com", "https://api.github.com/graphql")


def test_a_job_that_failed_says_so_on_the_run_s_page(registered: Registered, tmp_path: Path) -> None:
    """The command itself, as CI calls it: the App's key is bad, so the job ends before it says anything elsewhere."""
    event, summary = tmp_path / "event.json", tmp_path / "summary.md"
    event.write_text(json.dumps({"repository": {"default_branch": "main"}}))
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        **registered.environ(INFRA_AGENT_APP_SLUG="other"),
        "GITHUB_SERVER_URL": registered.forge.url,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_WORKSPACE": str(Path(__file__).parents[2]),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    argv = [sys.executable, "-m", "agent", "job", "propose", "--in", str(tmp_path), "--out", str(tmp_path / "x.json")]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode not in (0, 1)
    said = summary.read_text(encoding="utf-8")
    assert said.startswith("### propose: failed")
    assert "but the variables name other" in said
    for text in (said, done.stdout, done.stderr):
        assert "PRIVATE KEY" not in text
        assert environ["GITHUB_TOKEN"] not in text
        assert "Traceback" not in text
