"""A repository on GitHub -> what of the pipeline's set-up is there, what is missing and how to mend it. Only reads."""

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.adopt.checklist import labels
from agent.adopt.environments import environments
from agent.adopt.install import FORM, RESERVED, WORKFLOWS, Choices, installed, jobs_of, pinned
from agent.adopt.names import names, unreadable
from agent.adopt.own_app import is_with_app
from agent.adopt.program import CHECKOUT, holds, shipped_files
from agent.adopt.rules import branch_rules
from agent.checks.severity import SEVERITY_PATH, Severities
from agent.checks.waivers import WAIVERS_PATH, Waivers
from agent.doctor import LOCK_PATH, Line
from agent.domain import Value
from agent.errors import AgentError, ToolError, UserError
from agent.github.connect import Connection
from agent.github.setup import Answer, look, look_all
from agent.guardrails import GUARDRAILS_PATH, Guardrails
from agent.settings import SETTINGS_PATH, Settings, parse

PIPELINE = ("agent.yml", "change.yml", "apply.yml")
_CONFIGURATION: Mapping[str, type[Value]] = {
    SETTINGS_PATH: Settings,
    GUARDRAILS_PATH: Guardrails,
    WAIVERS_PATH: Waivers,
    SEVERITY_PATH: Severities,
}


def examine(connection: Connection, *, checkout: Path = CHECKOUT) -> Iterator[Line]:
    """A line for each thing. What the token may not read is UNKNOWN; a failure of GitHub ends it with such a line.

    Raises UserError when the repository itself cannot be read: then nothing is known.
    """
    about = _repository(connection)
    try:
        yield from _examine(connection, checkout, about)
    except ToolError as error:
        yield Line(connection.name, None, f"{error}; run this again")


def _repository(connection: Connection) -> Mapping[str, Any]:
    """What GitHub says of the repository as a whole."""
    try:
        seen = look(connection, "")
    except ToolError as error:
        raise UserError(f"{connection.name}: nothing was looked at: {error}") from error
    if seen.known:
        found: Mapping[str, Any] = seen.data
        return found
    mend = _UNREAD.get(seen.status, "a token that may read the repository is needed")
    raise UserError(f"{connection.name}: cannot be read: GitHub answered {seen.status}: {seen.message}; {mend}")


def _examine(connection: Connection, checkout: Path, about: Mapping[str, Any]) -> Iterator[Line]:
    branch = str(about["default_branch"])
    rights = about.get("permissions") or {}
    strongest = next((name for name in ("admin", "maintain", "push", "triage", "pull") if rights.get(name)), "")
    admin = "" if strongest == "admin" else "; what only an administrator may read is UNKNOWN below"
    yield Line(connection.name, True, f"readable, the token's role is {strongest or 'not told'}{admin}")
    yield Line("issues", bool(about.get("has_issues")), "on" if about.get("has_issues") else _MEND["issues"])
    files: dict[str, str] = {}
    yield from _workflows(connection, branch, checkout, files)
    yield from _in_the_way(connection, branch)
    settings, lines = _configuration(connection, branch)
    yield from lines
    yield from _actions(connection, files)
    yield from environments(connection, branch)
    yield from names(connection, files)
    if settings is not None:
        yield _labels(connection, settings.request_label, files)
    yield from branch_rules(connection, branch)
    yield _subject(connection)


_UNREAD = {
    401: "GITHUB_TOKEN is no token, or has expired: make a new one, such as GITHUB_TOKEN=$(gh auth token)",
    404: "there is no such repository, or GITHUB_TOKEN is not for it",
}
_MEND = {
    "issues": "switched off: a request is an issue. Settings > General > Features > Issues",
    "actions": "switched off. Settings > Actions > General > Actions permissions",
    "pulls": "the agent cannot open a pull request. Settings > Actions > General > Workflow permissions > Allow GitHub "
    "Actions to create and approve pull requests",
}


def _workflows(connection: Connection, branch: str, checkout: Path, files: dict[str, str]) -> Iterator[Line]:
    """The workflow files; what is there is put into `files`."""
    states = look_all(connection, "actions/workflows", inside="workflows")
    state_of = {item["path"]: item["state"] for item in states.data} if states.known else {}
    for name in PIPELINE:
        path = f"{WORKFLOWS}{name}"
        text = _file(connection, branch, path)
        if isinstance(text, Answer):
            yield Line(path, False if text.status == 404 else None, f"not on {branch}; run `infra-agent init`")
            continue
        files[path] = text
        if state_of.get(path, "active") != "active":
            yield Line(path, False, f"{state_of[path]}; switch it on: Actions > {name} > Enable workflow")
            continue
        yield _as_shipped(path, text, branch, checkout)


def _as_shipped(path: str, text: str, branch: str, checkout: Path) -> Line:
    program = pinned(text)
    if program is None:
        if (checkout / path).is_file() and (checkout / path).read_text(encoding="utf-8") == text:
            return Line(path, True, "as in this checkout of infra-agent")
        return Line(path, False, "was not written by `infra-agent init` (or changed since); rename it and run `init`")
    where = f"{program.repository} at {program.commit[:7]}"
    try:
        known = holds(checkout, program.commit)
    except AgentError:
        known = False
    if not known:
        return Line(path, None, f"pins {where}, which this checkout has not; `git fetch` there and run this again")
    choices = Choices(branch=branch, app=is_with_app(text))
    made = installed(shipped_files(checkout, program.commit), program, choices)
    if made.get(path) != text:
        return Line(path, False, f"differs from what {where} ships; `infra-agent init` shows how")
    return Line(path, True, f"as shipped by {where}")


def _in_the_way(connection: Connection, branch: str) -> Iterator[Line]:
    answer = look(connection, f"contents/?ref={branch}")
    names = {one["name"] for one in answer.data} if answer.known else set()
    for name in sorted(names & set(RESERVED)):
        yield Line(name, False, "the jobs put their own files there, and the two would be mixed up; rename it")


def _configuration(connection: Connection, branch: str) -> tuple[Settings | None, list[Line]]:
    settings, lines = None, []
    for path, kind in _CONFIGURATION.items():
        text = _file(connection, branch, path)
        if isinstance(text, Answer):
            lines.append(_absent(path, branch, text))
            continue
        try:
            made = parse(kind, text, path)
            lines.append(Line(path, True, "sound"))
            settings = made if isinstance(made, Settings) else settings
        except AgentError as error:
            lines.append(Line(path, False, str(error)))
    for path in (LOCK_PATH, FORM):
        text = _file(connection, branch, path)
        lines.append(_absent(path, branch, text) if isinstance(text, Answer) else Line(path, True, "there"))
    return settings, lines


def _absent(path: str, branch: str, answer: Answer) -> Line:
    if answer.status == 404:
        return Line(path, False, f"not on {branch}; run `infra-agent init`")
    return Line(path, None, f"GitHub answered {answer.status}: {answer.message}")


def _actions(connection: Connection, files: Mapping[str, str]) -> Iterator[Line]:
    answer = look(connection, "actions/permissions")
    if not answer.known:
        yield unreadable("Actions", answer)
    elif not answer.data["enabled"]:
        yield Line("Actions", False, _MEND["actions"])
    else:
        yield _allowed_actions(connection, str(answer.data.get("allowed_actions", "all")), files)
    answer = look(connection, "actions/permissions/workflow")
    if not answer.known:
        yield unreadable("Actions may open pull requests", answer)
        return
    may = bool(answer.data["can_approve_pull_request_reviews"])
    yield Line("Actions may open pull requests", may, "yes" if may else _MEND["pulls"])
    usual = answer.data["default_workflow_permissions"]
    note = "" if usual == "read" else "; our workflows name theirs, but every other one may write: choose read"
    yield Line("permissions of a workflow that names none", usual == "read", f"{usual}{note}")


def _allowed_actions(connection: Connection, allowed: str, files: Mapping[str, str]) -> Line:
    used = sorted({
        step["uses"].split("@")[0]
        for text in files.values()
        for job in jobs_of(text).values()
        for step in job.get("steps", [])
        if "uses" in step
    })  # fmt: skip
    if allowed == "all":
        return Line("Actions", True, "on, every action is allowed")
    if allowed == "local_only":
        return Line("Actions", False, f"only this owner's own actions may run; allow {', '.join(used)}")
    chosen = look(connection, "actions/permissions/selected-actions")
    if not chosen.known:
        return unreadable("Actions", chosen)
    patterns = [str(one).split("@")[0].replace("*", ".*") for one in chosen.data.get("patterns_allowed") or []]
    owned = chosen.data.get("github_owned_allowed")
    left = [
        one for one in used
        if not (owned and one.startswith(("actions/", "github/"))) and not any(re.fullmatch(p, one) for p in patterns)
    ]  # fmt: skip
    mend = f"not allowed to run: {', '.join(left)}. Settings > Actions > General > Allow specified actions"
    return Line("Actions", not left, mend if left else "on, the actions that the workflows use are allowed")


def _labels(connection: Connection, request_label: str, files: Mapping[str, str]) -> Line:
    answer = look_all(connection, "labels")
    if not answer.known:
        return unreadable("labels", answer)
    there = {str(one["name"]).lower() for one in answer.data}
    if missing := [name for name in labels(request_label) if name.lower() not in there]:
        return Line("labels", False, f"{', '.join(missing)} not there; `infra-agent init --labels`")
    agent = files.get(f"{WORKFLOWS}agent.yml", request_label)
    if request_label not in agent:
        return Line("labels", False, f"request_label is {request_label}, and agent.yml waits for another one")
    return Line("labels", True, f"all {len(labels(request_label))} are there")


def _subject(connection: Connection) -> Line:
    """How the `sub` of this repository's tokens begins: the trust of both roles has to say the same."""
    what = "OIDC subject"
    answer = look(connection, "actions/oidc/customization/sub")
    if not answer.known:
        return unreadable(what, answer)
    if not answer.data.get("use_default", True):
        keys = ", ".join(answer.data.get("include_claim_keys") or [])
        return Line(what, None, f"made of {keys} here: compare the trust of both roles with that by hand")
    begins = answer.data.get("sub_claim_prefix") or f"repo:{connection.name}"
    return Line(what, True, f"begins with {begins}; the trust of both roles has to say so")


def _file(connection: Connection, branch: str, path: str) -> str | Answer:
    answer = look(connection, f"contents/{path}?ref={branch}")
    if not answer.known:
        return answer
    try:
        return base64.b64decode(answer.data["content"]).decode()
    except (KeyError, TypeError, ValueError):
        return Answer(404, message="no plain file")
