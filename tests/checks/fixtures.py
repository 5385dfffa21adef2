"""Fixtures of the tests that run checks: checkov's interpreter, a running checkov, contexts, fake programs."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from agent.checks import checkov
from agent.checks.check import Context
from agent.checks.severity import Severities
from agent.checks.worker import Worker
from agent.domain import File
from agent.settings import Guardrails, Settings
from agent.tools import Tools
from tests.checks.samples import HERE, UNIT


@pytest.fixture(scope="session")
def checkov_python() -> str:
    """The interpreter of checkov's environment, where `make` puts it."""
    named = os.environ.get("INFRA_AGENT_CHECKOV_PYTHON")
    tool_cache = os.environ.get("RUNNER_TOOL_CACHE")
    homes = [
        Path(os.environ["INFRA_AGENT_ENVS"]) if os.environ.get("INFRA_AGENT_ENVS") else None,
        Path(tool_cache) / "infra-agent" if tool_cache else None,
        HERE / ".venvs",
    ]
    found = [path for home in homes if home for path in sorted(home.glob("checkov*/bin/python"))]
    if not (named or found):
        pytest.skip("checkov's environment is not there (bin/setup-env checkov): checkov is not tested")
    return named or str(found[0])


@pytest.fixture(scope="session")
def guardrails() -> Guardrails:
    return Guardrails(version=1, environments=("dev", "prod"), providers=("hashicorp/aws",))


@pytest.fixture(scope="session")
def worker(tools: Tools, checkov_python: str) -> Iterator[Worker]:
    """One checkov for the whole run, without custom policies."""
    with checkov.worker(tools, python=checkov_python, root=HERE / "tests" / "checks") as started:
        yield started


@pytest.fixture
def context(tools: Tools, settings: Settings, guardrails: Guardrails, tmp_path: Path) -> Callable[..., Context]:
    """Builds a Context; the checkout of the default branch is an empty folder."""

    def build(
        *,
        units: Iterable[str] = (UNIT,),
        trusted: Iterable[File] = (),
        checkov: str = "no-such-python",
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
