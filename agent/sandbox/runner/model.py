"""A workflow file as values: what `load_workflow` gives."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.sandbox.runner.template import Template, Tree
from agent.sandbox.runner.triggers import Trigger


@dataclass(frozen=True)
class Concurrency:
    group: Template
    cancel: Template | None
    queue: str


@dataclass(frozen=True)
class Defaults:
    shell: str
    directory: Template | None


@dataclass(frozen=True)
class Step:
    """One step. Either `run` or `uses` (owner/repository, without its pin) is set."""

    number: int
    id: str
    name: Template | None
    title: str
    condition: Template | None
    run: Template | None
    uses: str
    inputs: Mapping[str, Template]
    env: Mapping[str, Template]
    directory: Template | None
    shell: str
    keep_going: Template | None
    timeout: Template | None
    place: str


@dataclass(frozen=True)
class Strategy:
    fail_fast: Template | None
    max_parallel: Template | None
    matrix: "Tree | None"
    place: str


@dataclass(frozen=True)
class Job:
    """One job, before its matrix is multiplied. `permissions` is None where neither level gives any."""

    key: str
    name: Template | None
    needs: tuple[str, ...]
    condition: Template | None
    runs_on: "Tree"
    timeout: Template | None
    keep_going: Template | None
    env: Mapping[str, Template]
    environment: Template | None
    environment_url: Template | None
    permissions: Mapping[str, str] | None
    concurrency: Concurrency | None
    outputs: Mapping[str, Template]
    strategy: Strategy | None
    defaults: Defaults
    steps: tuple[Step, ...]
    place: str


@dataclass(frozen=True)
class Workflow:
    path: str
    name: str
    run_name: Template | None
    triggers: tuple[Trigger, ...]
    env: Mapping[str, Template]
    concurrency: Concurrency | None
    jobs: Mapping[str, Job]
