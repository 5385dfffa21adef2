"""bin/setup-terraform: the program that is named or there, else exactly the pinned release."""

import hashlib
import io
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "bin/setup-terraform"
PROGRAM = b"#!/bin/sh\necho Terraform v0\n"


def run(tmp_path: Path, script: Path = SCRIPT, **more: str) -> subprocess.CompletedProcess[str]:
    """With a PATH that holds no terraform."""
    programs = tmp_path / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("bash", "env", "uname", "mkdir", "ln", "basename", "python3"):
        # This interpreter itself: the `python3` on PATH may be a version manager's script that needs more programs.
        found = sys.executable if name == "python3" else shutil.which(name)
        assert found is not None
        if not (programs / name).exists():
            (programs / name).symlink_to(Path(found).resolve())
    environment = {"PATH": str(programs), "RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_PATH": str(tmp_path / "path")}
    return subprocess.run(
        [script], env={**environment, **more}, capture_output=True, text=True, timeout=60, check=False
    )


def program(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "terraform"
    path.write_bytes(PROGRAM)
    path.chmod(0o755)
    return path


def test_the_program_that_is_named_is_put_on_the_path(tmp_path: Path) -> None:
    named = program(tmp_path / "tools")
    assert run(tmp_path, INFRA_AGENT_TERRAFORM=str(named)).returncode == 0
    (folder,) = (tmp_path / "path").read_text().split()
    assert (Path(folder) / "terraform").resolve() == named


def test_a_name_that_is_no_program_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, INFRA_AGENT_TERRAFORM="none")
    assert (done.returncode, "names no program: none" in done.stderr) == (1, True)
    assert not (tmp_path / "path").exists()


def test_the_one_on_the_path_is_taken(tmp_path: Path) -> None:
    run(tmp_path, INFRA_AGENT_TERRAFORM="none")
    program(tmp_path / "programs")
    done = run(tmp_path)
    assert (done.returncode, "is there already" in done.stderr) == (0, True)


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """A server of releases whose zip holds PROGRAM."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("terraform", PROGRAM)
    for platform in ("linux_amd64", "linux_arm64"):
        path = tmp_path / f"releases/1.11.4/terraform_1.11.4_{platform}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.getvalue())
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "releases"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", made.getvalue()
        server.shutdown()


def test_W06_another_release_than_the_pinned_one_is_refused(tmp_path: Path, releases: tuple[str, bytes]) -> None:
    done = run(tmp_path, INFRA_AGENT_TERRAFORM_RELEASES=releases[0])
    assert (done.returncode, "its SHA-256 differs" in done.stderr) == (1, True)
    assert not (tmp_path / "temp/infra-agent-terraform/terraform").exists()
    assert not (tmp_path / "path").exists()


def test_the_pinned_release_is_unpacked(tmp_path: Path, releases: tuple[str, bytes]) -> None:
    text = SCRIPT.read_text()
    pins = [word for word in text.split() if word.startswith("sha256=") and len(word) == 71]
    assert len(pins) == 2
    for pin in pins:
        text = text.replace(pin, f"sha256={hashlib.sha256(releases[1]).hexdigest()}")
    script = tmp_path / "setup-terraform"
    script.write_text(text)
    script.chmod(0o755)
    done = run(tmp_path, script, INFRA_AGENT_TERRAFORM_RELEASES=releases[0])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "temp/infra-agent-terraform/terraform").read_bytes() == PROGRAM


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, INFRA_AGENT_TERRAFORM_RELEASES="http://127.0.0.1:9")
    assert (done.returncode, "setup-terraform: http://127.0.0.1:9" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
