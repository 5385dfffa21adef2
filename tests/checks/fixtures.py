"""Fixtures of the tests that run checks: checkov's interpreter, a running checkov, contexts, fake programs."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from agent.checks import checkov_start
from agent.checks.check import Context
from agent.checks.severity import Severities
from agent.checks.worker import Worker
from agent.domain import File
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.tools import Tools
from tests.checks.samples import HERE, UNIT


@pytest.fixture(scope="session")
def checkov_python() -> str:
    """The interpreter of checkov's environment, where `make` puts it."""
    return interpreter("checkov")


@pytest.fixture(scope="session")
def ansible_python() -> str:
    """The interpreter of ansible-lint's environment, where `make` puts it."""
    return interpreter("ansible")


@pytest.fixture(scope="session")
def kubernetes_python() -> str:
    """The interpreter of the environment with schemas and Helm, where `make` puts it."""
    return interpreter("kubernetes")


def interpreter(name: str) -> str:
    """The interpreter of an environment; skips when there is none."""
    named = os.environ.get(f"INFRA_AGENT_{name.upper()}_PYTHON")
    tool_cache = os.environ.get("RUNNER_TOOL_CACHE")
    homes = [
        Path(os.environ["INFRA_AGENT_ENVS"]) if os.environ.get("INFRA_AGENT_ENVS") else None,
        Path(tool_cache) / "infra-agent" if tool_cache else None,
        HERE / ".venvs",
    ]
    found = [path for home in homes if home for path in sorted(home.glob(f"{name}*/bin/python"))]
    if not (named or found):
        pytest.skip(f"the environment {name!r} is not there (bin/setup-env {name}): its tool is not tested")
    return named or str(found[0])


@pytest.fixture(scope="session")
def guardrails() -> Guardrails:
    return Guardrails(version=1, environments=("dev", "prod"), providers=("hashicorp/aws",))


@pytest.fixture(scope="session")
def worker(tools: Tools, checkov_python: str) -> Iterator[Worker]:
    """One checkov for the whole run, without custom policies."""
    with checkov_start.worker(tools, python=checkov_python, root=HERE / "tests" / "checks") as started:
        yield started


@pytest.fixture
def context(tools: Tools, settings: Settings, guardrails: Guardrails, tmp_path: Path) -> Callable[..., Context]:
    """Builds a Context; the checkout of the default branch is an empty folder."""

    def build(
        *,
        units: Iterable[str] = (UNIT,),
        trusted: Iterable[File] = (),
        checkov: str = "no-such-python",
        ansible: str = "",
        kubernetes: str = "",
        worker: Worker | None = None,
        tools: Tools = tools,
        settings: Settings = settings,
        root: Path = tmp_path,
        timeout: float = 60.0,
    ) -> Context:
        return Context(
            tools=tools,
            units=tuple(units),
            settings=settings,
            guardrails=guardrails,
            trusted=tuple(trusted),
            root=root,
            severities=Severities(version=1),
            checkov=checkov,
            ansible=ansible,
            kubernetes=kubernetes,
            worker=worker,
            timeout=timeout,
        )

    return build


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Writes a program in Python, whatever its arguments are, and gives its path."""

    def write(text: str) -> str:
        path = tmp_path / f"program-{len(list(tmp_path.iterdir()))}"
        path.write_text(f"#!/usr/bin/env python3\n{text}", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return write
