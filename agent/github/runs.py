"""Workflow runs and check runs on GitHub: which there are, end one, start one."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice

import github
from github.CheckRun import CheckRun

from agent.errors import ToolError
from agent.github.connect import Connection, explained

MOST_ANNOTATIONS = 1000
UNDER_WAY = ("in_progress", "queued", "pending", "waiting", "requested")
FOLDER = ".github/workflows/"
# Our workflows' files, each with what starts it: a run-name alone may be that of any workflow.
STARTED_BY: Mapping[str, frozenset[str]] = {
    "agent.yml": frozenset(("issues", "issue_comment")),
    "change.yml": frozenset(("pull_request",)),
    "apply.yml": frozenset(("push", "workflow_dispatch")),
}


@dataclass(frozen=True)
class RunView:
    """A run of a workflow that has not ended; `title` is its run-name."""

    id: int
    title: str
    status: str
    url: str


@dataclass(frozen=True)
class CheckView:
    """A check run of our own App: how it ended, its title, and the text that it keeps."""

    name: str
    conclusion: str
    title: str
    text: str
    url: str


@dataclass(frozen=True)
class Noted:
    """What a check run says under the name of a rule: beside a line, or, with no `path`, somewhere on its page `url`.
    `help` is an address that explains the rule, or empty.
    """

    check: str
    url: str
    message: str = ""
    path: str = ""
    line: int = 0
    help: str = ""


def under_way(connection: Connection, wanted: Collection[tuple[str, str]]) -> tuple[RunView, ...]:
    """Every run that is one of `wanted`, our workflow's file and a run's title, and has not ended, oldest first; one
    call a state that a run can have.
    """
    found: dict[int, RunView] = {}
    with explained("the runs that are under way"):
        for status in UNDER_WAY:
            for run in connection.repository.get_workflow_runs(status=status):
                file = run.path.partition("@")[0].removeprefix(FOLDER)
                ours = run.event in STARTED_BY.get(file, ())
                if ours and (file, run.display_title) in wanted:
                    found[run.id] = RunView(run.id, run.display_title, run.status, run.html_url)
    return tuple(found[number] for number in sorted(found))


def ended(connection: Connection, run: int) -> bool:
    """Whether the run is over, by GitHub's own record."""
    with explained(f"run {run}"):
        return connection.repository.get_workflow_run(run).status == "completed"


def cancel(connection: Connection, run: RunView) -> bool:
    """End `run`; False when it had ended by itself. Raises ToolError when GitHub refuses."""
    with explained(f"ending run {run.id}"):
        try:
            connection.repository.requester.requestJsonAndCheck(
                "POST", f"{connection.repository.url}/actions/runs/{run.id}/cancel"
            )
        except github.GithubException as error:
            if error.status == 409:
                return False
            raise
    return True


def dispatch(connection: Connection, workflow: str, *, ref: str, inputs: dict[str, str]) -> None:
    """Start `workflow` (its file's name) on `ref`. Raises ToolError when GitHub does not take it."""
    with explained(f"starting {workflow}"):
        status, _, _ = connection.repository.requester.requestJson(
            "POST",
            f"{connection.repository.url}/actions/workflows/{workflow}/dispatches",
            input={"ref": ref, "inputs": inputs},
        )
    if status not in (200, 204):
        raise ToolError(f"starting {workflow}: GitHub answered {status}; nothing was started. Try it again")


def checks_of(connection: Connection, commit: str) -> tuple[CheckView, ...]:
    """The newest check run of each name that our own App posted on `commit`, by name."""
    with explained(f"the checks of {commit[:7]}"):
        return tuple(
            CheckView(
                name, run.conclusion or run.status, run.output.title or "", run.output.text or "", run.html_url or ""
            )
            for name, run in sorted(_newest(connection, commit).items())
        )


def noted(connection: Connection, commit: str, rule: str, checks: Collection[str]) -> tuple[Noted, ...]:
    """What the newest of our own `checks` on `commit` say under the name `rule`, in the order of the checks' names.

    Two calls, and one for a hundred annotations of each check, of which at most `MOST_ANNOTATIONS` are looked at.
    """
    found: list[Noted] = []
    with explained(f"the checks of {commit[:7]}"):
        for name, run in sorted(_newest(connection, commit).items()):
            if name not in checks:
                continue
            url, summary = run.html_url or "", run.output.summary or ""
            linked = re.search(rf"\[`{re.escape(rule)}`\]\((https://[^)\s]+)\)", summary)
            page = linked[1] if linked else ""
            annotations = islice(run.get_annotations(), MOST_ANNOTATIONS) if run.output.annotations_count else ()
            beside = [one for one in annotations if one.title == rule]
            found += [Noted(name, url, one.message, one.path, one.start_line, page) for one in beside]
            if not beside and f"`{rule}`" in summary:
                found.append(Noted(name, url, help=page))
    return tuple(found)


def _newest(connection: Connection, commit: str) -> dict[str, CheckRun]:
    newest: dict[str, CheckRun] = {}
    for run in connection.repository.get_commit(commit).get_check_runs(filter="all"):
        ours = run.app is not None and run.app.id == connection.app_id
        if ours and (run.name not in newest or newest[run.name].id < run.id):
            newest[run.name] = run
    return newest
