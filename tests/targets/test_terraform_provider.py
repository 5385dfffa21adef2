"""A provider that runs already: handed to the commands, alone in its configuration, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.settings import Settings
from agent.targets.terraform_cli import Workspace, init, workspace
from agent.targets.terraform_provider import running
from agent.tools import Tools, allowed, clean_copy

UNIT = "infra/terraform/dev/x"
CODE = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""


@pytest.fixture
def place(tools: Tools, settings: Settings, provider_mirror: Path) -> Iterator[Workspace]:
    if tools.which("setpriv") is None:
        pytest.skip("no setpriv here: every command starts its own provider")
    with clean_copy([]) as root:
        (root / UNIT).mkdir(parents=True)
        (root / UNIT / "main.tf").write_text(CODE, encoding="utf-8")
        with workspace(tools, root, UNIT, settings) as made:
            assert init(made, backend=False) == ()
            yield made


def alive(pid: int) -> bool:
    """False for a process that is gone or has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in ("Z", "X")


def pid_of(place: Workspace) -> int:
    (provider,) = json.loads(place.variables["TF_REATTACH_PROVIDERS"]).values()
    return int(provider["Pid"])


def test_it_runs_as_long_as_it_is_needed(place: Workspace) -> None:
    with running(place) as ready:
        assert list(json.loads(ready.variables["TF_REATTACH_PROVIDERS"])) == ["registry.terraform.io/hashicorp/aws"]
        pid = pid_of(ready)
        assert alive(pid)
    assert not alive(pid)


def test_with_two_configurations_each_command_starts_its_own(place: Workspace) -> None:
    other = 'provider "aws" {\n  alias  = "other"\n  region = "us-east-1"\n}\n'
    (place.root / UNIT / "other.tf").write_text(other, encoding="utf-8")
    with running(place) as ready:
        assert "TF_REATTACH_PROVIDERS" not in ready.variables


def test_a_provider_that_does_not_answer_is_not_handed_over(place: Workspace) -> None:
    (binary,) = (place.temp / "data" / "providers").glob("*/*/*/*/*/terraform-provider-*")
    folder = binary.parent
    assert folder.is_symlink(), "an unpacked mirror is linked, not copied"
    folder.unlink()
    folder.mkdir()
    (folder / binary.name).write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    (folder / binary.name).chmod(0o755)
    with running(place) as ready:
        assert ready == place


def test_it_does_not_outlive_a_killed_parent(place: Workspace, settings: Settings) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
from agent.settings import Settings
from agent.targets.terraform_cli import init, workspace
from agent.targets.terraform_provider import running
from agent.tools import Tools, allowed
settings = Settings.model_validate_json({settings.model_dump_json()!r})
with workspace(Tools(environment=allowed(os.environ)), Path({str(place.root)!r}), {UNIT!r}, settings) as place:
    assert init(place, backend=False) == ()
    with running(place) as ready:
        print(ready.variables["TF_REATTACH_PROVIDERS"], flush=True)
        time.sleep(60)
"""
    environment = {**allowed(os.environ), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment, text=True
    ) as parent:
        assert parent.stdout is not None
        (provider,) = json.loads(parent.stdout.readline()).values()
        assert alive(provider["Pid"])
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while alive(provider["Pid"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(provider["Pid"])
