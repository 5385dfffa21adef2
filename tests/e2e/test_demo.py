"""`infra-agent demo` as a person runs it: to the end, killed on the way, and with requests that cannot be served."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import git
import pytest

from agent.sandbox.forge import Forge

PROJECT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent", "demo", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "200"}


def demo(*arguments: str, json_file: Path, timeout: float = 480) -> tuple[int, dict[str, Any], str]:
    """Run it; the exit code, what `--json` wrote, and what it printed."""
    done = subprocess.run(
        command(*arguments, "--json", str(json_file)), cwd=PROJECT, env=environment(),
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(json_file.read_text()), done.stdout + done.stderr


def left_behind(state: Path) -> dict[str, object]:
    """What stands in a kept sandbox, without what differs from run to run."""
    forge = Forge(state)
    bare = git.Repo(state / "git/acme/infra.git")
    bodies = forge.db.all(
        "SELECT i.number, c.body FROM comments c JOIN issues i ON i.id = c.issue_id ORDER BY i.number, c.id"
    )
    return {
        "branches": sorted(ref.name for ref in bare.refs if not ref.path.startswith("refs/pull")),
        "comments": [(row["number"], row["body"].split("\n")[0]) for row in bodies],
        "issues": [
            (row["number"], row["state"]) for row in forge.db.all("SELECT number, state FROM issues ORDER BY number")
        ],
        "tree": bare.git.rev_parse("main:infra"),
    }


@pytest.fixture(scope="module")
def whole(
    provider_mirror: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, object], str]:
    """One run that nobody disturbs: its result, what it left, what it printed."""
    folder = tmp_path_factory.mktemp("whole")
    code, result, printed = demo("--state", str(folder / "state"), json_file=folder / "demo.json")
    assert code == 0, printed
    return result, left_behind(folder / "state"), printed


def test_the_demo_ends_applied_and_healthy(whole: tuple[dict[str, Any], dict[str, object], str]) -> None:
    result, left, printed = whole
    assert result["applied"] is True
    assert result["healthy"] is True
    assert result["error"] is None
    assert 0 < result["api_calls"] <= 40
    assert [stage["name"] for stage in result["stages"]][1:8] == [
        "intake", "author", "examine", "propose", "plan", "review", "publish",
    ]  # fmt: skip
    assert left["issues"] == [(1, "closed"), (2, "closed")]
    assert left["branches"] == ["agent/1", "main"]
    assert "arn:aws:s3:::team-reports" in printed
    assert "Traceback" not in printed


def test_a_demo_that_is_killed_again_and_again_is_gone_on_with(
    whole: tuple[dict[str, Any], dict[str, object], str], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    for moment in ("author", "ready after", "resolve"):
        with (tmp_path / f"{moment}.log").open("w+") as log:
            process = subprocess.Popen(
                command("--state", str(state)), cwd=PROJECT, env=environment(), stdout=log, stderr=subprocess.STDOUT
            )
            try:
                wait_for(log.name, moment, seconds=120)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
    code, result, printed = demo("--state", str(state), json_file=tmp_path / "demo.json")
    assert code == 0, printed
    assert (result["applied"], result["healthy"]) == (True, True)
    assert left_behind(state) == whole[1]


def wait_for(path: str, text: str, *, seconds: float) -> None:
    pattern = re.compile(rf"[✓●] .*{re.escape(text)}")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if pattern.search(Path(path).read_text(encoding="utf-8")):
            return
        time.sleep(0.05)
    pytest.fail(f"{text!r} was not printed within {seconds} s: {Path(path).read_text()}")


def test_an_interrupt_stops_everything(provider_mirror: Path, tmp_path: Path) -> None:
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        command("--state", str(tmp_path / "state"), "--json", str(tmp_path / "demo.json")),
        cwd=PROJECT, env=environment(), stdout=log, stderr=subprocess.STDOUT,
        # A shell that runs the tests in the background has them ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_for(log.name, "author", seconds=60)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert json.loads((tmp_path / "demo.json").read_text())["error"] == "interrupted"
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in read(path)]
    assert left == []
    assert "Traceback" not in Path(log.name).read_text()


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_without_terraform_it_needs_work_and_says_how_to_get_it(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else []:
            if program.name not in ("terraform", "tofu") and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    done = subprocess.run(
        command("--json", str(tmp_path / "demo.json")), cwd=PROJECT,
        env={**environment(), "PATH": str(programs)}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    result = json.loads((tmp_path / "demo.json").read_text())
    assert done.returncode == 1
    assert result["applied"] is False
    assert result["error"].startswith("needs work: no plan could be made")
    assert "no terraform and no tofu on PATH" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_request_that_is_unclear_is_asked_about(tmp_path: Path) -> None:
    request = tmp_path / "request.md"
    request.write_text(
        "### What do you need?\n\nA bucket\n\n### Golden path\n\ns3-bucket\n\n### Parameters\n\nName: My_Bucket!\n"
    )
    code, result, printed = demo("--request", str(request), json_file=tmp_path / "demo.json")
    assert code == 1
    assert result["applied"] is False
    assert result["pull_request_url"] == ""
    assert "my-bucket" in printed
    assert "Traceback" not in printed


def test_a_request_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    code, result, printed = demo("--request", str(tmp_path / "no.md"), json_file=tmp_path / "demo.json")
    assert code == 1
    assert "no.md: cannot be read" in result["error"]
    assert "Traceback" not in printed
