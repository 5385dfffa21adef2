"""A shipped workflow -> the same for a GitHub App: its name where one looks for it, its key where it writes. Pure."""

import re
from collections.abc import Iterator

from agent.errors import ToolError
from agent.github.app import GRANTS

ENVIRONMENT = "infra-agent"
KEY = "INFRA_AGENT_APP_KEY"
# Jobs that write nothing, but have to know whose comments, pushes and seals are the agent's.
LOOKING = ("intake", "resolve")
# Their runs take the file of the default branch. A pull request runs the workflow that it brings itself: no key there.
TRUSTED = ("agent.yml", "apply.yml")
_JOB = re.compile(r"  (?P<name>[a-z][a-z-]*):")
_RUNS = re.compile(r".*\bbin/infra-agent job (?P<name>[a-z]+) .*")
_ENV = re.compile(r"(?P<indent> {8})env:")


def with_app(path: str, text: str) -> str:
    """The workflow file `path` with the lines for an App. Raises ToolError when there is no place for them.

    The key is given to the one step that runs the program, in an environment that the default branch alone may use.
    """
    trusted = path.rpartition("/")[2] in TRUSTED
    made: list[str] = []
    job: list[str] = []
    for line in [*text.splitlines(), "  end:"]:
        if _JOB.fullmatch(line):
            made += _job(path, job, trusted=trusted)
            job = []
        job.append(line)
    return "\n".join(made) + "\n"


def is_with_app(text: str) -> bool:
    """Whether a workflow was written for an App."""
    return "INFRA_AGENT_APP_ID" in text


def _job(path: str, lines: list[str], *, trusted: bool) -> Iterator[str]:
    found = [match["name"] for line in lines if (match := _RUNS.fullmatch(line))]
    name = found[0] if found else ""
    if name not in (*GRANTS, *LOOKING):
        yield from lines
        return
    holds_key = trusted and name in GRANTS
    left = {"environment"} if holds_key else set()
    left.add("env")
    running = False
    for line in lines:
        running = running or bool(_RUNS.fullmatch(line))
        if line == "    permissions:" and "environment" in left:
            left.remove("environment")
            yield f"    environment: {ENVIRONMENT}"
        yield line
        if running and "env" in left and (place := _ENV.fullmatch(line)):
            left.remove("env")
            yield from (f"{place['indent']}  {one}" for one in _variables(holds_key=holds_key))
    if left or any(line.startswith("    environment:") for line in lines if holds_key):
        raise ToolError(
            f"{path}: the job {name} has no place for the App's {' and '.join(sorted(left)) or 'environment'}"
        )


def _variables(*, holds_key: bool) -> Iterator[str]:
    yield "INFRA_AGENT_APP_ID: ${{ vars.INFRA_AGENT_APP_ID }}"
    if holds_key:
        yield f"{KEY}: ${{{{ secrets.{KEY} }}}}"
    yield "INFRA_AGENT_APP_SLUG: ${{ vars.INFRA_AGENT_APP_SLUG }}"
