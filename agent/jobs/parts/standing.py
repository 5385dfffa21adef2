"""A request -> where it stands, read off GitHub's own record: labels, pull request, checks, locks, runs."""

from agent.domain import Request
from agent.github import locks, read, runs
from agent.github.connect import Connection
from agent.render.answers import Line, Standing, lock_line


def runs_of(number: int, pull: int | None) -> tuple[tuple[str, str], ...]:
    """File and title of the runs that write, plan or judge request `number` and its pull request, as their `run-name`
    says it.
    """
    numbers = dict.fromkeys((number, *([pull] if pull else [])))
    return tuple((f"{name}.yml", f"{name} #{one}") for name in ("agent", "change") for one in numbers)


def standing_of(request: Request, *, connection: Connection, this_run: str = "") -> Standing:
    """What is known of the request now. Nothing is taken from a comment. `this_run`, the address of the run that asks,
    is not under way: it ends with the answer.
    """
    issue = read.issue(connection, request.number)
    pull = read.pull(connection, request.pull_request) if request.pull_request else None
    found = list(runs.checks_of(connection, pull.head_sha)) if pull else []
    if pull and pull.merged and pull.merge_commit:
        found += [one for one in runs.checks_of(connection, pull.merge_commit) if one.name == "agent/apply"]
    held = [lock for lock in locks.held(connection) if pull is not None and lock.pull_request == pull.number]
    wanted = {*runs_of(request.number, pull.number if pull else None)}
    if pull and pull.merged:
        wanted |= {("apply.yml", f"apply #{pull.number} again"), ("apply.yml", f"apply {pull.merge_commit}")}
    labels = tuple(label for label in issue.labels if label.startswith("agent:"))
    return Standing(
        labels=labels,
        pull_request=pull.number if pull else None,
        pull_state="" if pull is None else "merged" if pull.merged else pull.state,
        head_sha=pull.head_sha if pull else "",
        checks=tuple(Line(text=one.name, more=f"{one.conclusion}: {one.title}", url=one.url) for one in found),
        locks=tuple(map(lock_line, held)),
        runs=tuple(
            Line(text=f"{one.title}, {one.status.replace('_', ' ')}", url=one.url)
            for one in runs.under_way(connection, wanted)
            if str(one.id) != this_run.rpartition("/")[2]
        ),
        next=_next(labels, open_pull=pull is not None and pull.state == "open"),
    )


def _next(labels: tuple[str, ...], *, open_pull: bool) -> str:
    if "agent:needs-info" in labels:
        return "It waits for a person: the status comment says for what."
    if "agent:needs-human" in labels:
        return "A person finishes what a model could not: the status comment says what is left."
    if "agent:ready" in labels and open_pull:
        return "A person can merge the pull request."
    if "agent:failed" in labels:
        return "It stopped: the status comment or the pull request says why, and what to do."
    return "It is under way." if "agent:working" in labels else ""
