"""The files of one commit of the program -> the files of a repository that is run by it. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.adopt.own_app import with_app
from agent.adopt.program import Program
from agent.errors import ToolError

FOLDER = ".infra-agent"
WORKFLOWS = ".github/workflows/"
# Where the jobs put the program and their documents, beside the repository's own files.
RESERVED = (FOLDER, "documents", "out")
FORM = ".github/ISSUE_TEMPLATE/infra-request.yml"
README = "docs/infra-agent.md"
TEMPLATES = Path(__file__).parent / "templates"
FIRST = "# Written by `infra-agent init` from"
PINNED = re.compile(rf"{re.escape(FIRST)} (?P<repository>[\w.-]+/[\w.-]+) at (?P<commit>[0-9a-f]{{40}})\.")

_CHECKOUT = re.compile(r"(?P<indent> +)- uses: (?P<action>actions/checkout@[0-9a-f]{40}.*)")
_PROGRAM = re.compile(r"(?<![\w./-])bin/(?=[a-z-]+)")
_BRANCH = "main"


@dataclass(frozen=True)
class Choices:
    """What differs from repository to repository. Empty: as it is shipped. With `app` an App of its own writes."""

    branch: str = ""
    region: str = ""
    bucket: str = ""
    app: bool = False


def installed(shipped: Mapping[str, str], program: Program, choices: Choices) -> dict[str, str]:
    """Path -> text of everything that `init` writes. Raises ToolError for a workflow that it cannot make."""
    files = {README: (TEMPLATES / "layout.md").read_text(encoding="utf-8")}
    for path, text in shipped.items():
        files[path] = workflow(path, text, program, choices) if path.startswith(WORKFLOWS) else _chosen(text, choices)
    if not any(path.startswith(WORKFLOWS) for path in files):
        raise ToolError(f"{program.commit[:7]} ships no workflow; take another --program-ref")
    return dict(sorted(files.items()))


def workflow(path: str, text: str, program: Program, choices: Choices) -> str:
    """A shipped workflow, with the program taken from its own repository at the pinned commit.

    Every checkout is followed by one of the program, beside the repository's own files; it keeps no credential.
    """
    lines = [f"{FIRST} {program.repository} at {program.commit}.", "# Do not edit it here: docs/installation.md there."]
    text = with_app(path, text) if choices.app else text
    lines += _with_program(text.splitlines(), program)
    made = "\n".join(lines) + "\n"
    if choices.branch and choices.branch != _BRANCH:
        made = made.replace(f"branches: [{_BRANCH}]", f"branches: ['{choices.branch}']")
        made = made.replace(f"refs/heads/{_BRANCH}'", f"refs/heads/{choices.branch}'")
    _sound(path, made, program)
    return made


def pinned(text: str) -> Program | None:
    """The program that an installed workflow was written for; None for a file that `init` did not write."""
    found = PINNED.match(text)
    return Program(found["repository"], found["commit"]) if found else None


def jobs_of(text: str) -> dict[str, Any]:
    """The jobs of a workflow file by name. Raises ToolError when it is none."""
    try:
        data = YAML(typ="safe").load(text)
        jobs = data["jobs"]
    except (YAMLError, TypeError, KeyError) as error:
        raise ToolError(f"not a workflow: {error}") from error
    return jobs if isinstance(jobs, dict) else {}


def _with_program(lines: list[str], program: Program) -> Iterator[str]:
    waiting: list[str] = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if waiting and line.strip() and indent <= waiting[0].index("-"):
            yield from waiting
            waiting = []
        yield _PROGRAM.sub(f"{FOLDER}/bin/", line)
        if found := _CHECKOUT.fullmatch(line):
            waiting = list(_step(found["indent"], found["action"], program))
    yield from waiting


def _step(indent: str, action: str, program: Program) -> Iterator[str]:
    yield f"{indent}- uses: {action}"
    yield f"{indent}  with:"
    yield f"{indent}    persist-credentials: false"
    yield f"{indent}    repository: {program.repository}"
    yield f"{indent}    ref: {program.commit}"
    yield f"{indent}    path: {FOLDER}"


def _sound(path: str, text: str, program: Program) -> None:
    """What was made has to be a workflow in which every job that runs the program has fetched just that commit."""
    for name, job in jobs_of(text).items():
        ours = [
            step.get("with", {})
            for step in job.get("steps", [])
            if "actions/checkout@" in step.get("uses", "") and step.get("with", {}).get("path") == FOLDER
        ]
        runs = any(f"{FOLDER}/bin/" in step.get("run", "") for step in job.get("steps", []))
        if runs and [(one["repository"], one["ref"]) for one in ours] != [(program.repository, program.commit)]:
            raise ToolError(f"{path}: the job {name} does not get the program at {program.commit[:7]}; not installable")


def _chosen(text: str, choices: Choices) -> str:
    """Settings and guardrails with the region and the state bucket of this repository."""
    if choices.region:
        text = re.sub(r"(?m)^((?!\s*#).*\bregions?: \[?)us-east-1\b", rf"\g<1>{choices.region}", text)
        text = re.sub(r"(bucket: [\w.-]+, region: )us-east-1\b", rf"\g<1>{choices.region}", text)
    if choices.bucket:
        text = re.sub(r"(bucket: )infra-agent-state\b", rf"\g<1>{choices.bucket}", text)
    return text
