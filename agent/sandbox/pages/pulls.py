"""Routes for pull requests: list, conversation, commits, checks, files."""

from typing import Any

import flask

from agent.sandbox.pages.code import file_view
from agent.sandbox.pages.conversation import conversation, threads
from agent.sandbox.pages.filters import state_of
from agent.sandbox.pages.issues import free_labels, listing
from agent.sandbox.pages.site import Place, Site, place, show

LATEST = {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}
WAITING = {"queued", "in_progress", "pending", "waiting", "requested"}
FINE = {"success", "neutral", "skipped"}


def add(pages: flask.Blueprint, site: Site) -> None:
    @pages.get("/<owner>/<repo>/pulls")
    def pulls(owner: str, repo: str) -> flask.Response:
        return listing(place(site, owner, repo, "pulls"), pulls=True)

    @pages.get("/<owner>/<repo>/pull/<int:number>")
    def pull(owner: str, repo: str, number: int) -> flask.Response:
        return pull_page(place(site, owner, repo, "pulls", maintains=True), number)

    @pages.get("/<owner>/<repo>/pull/<int:number>/commits")
    def pull_commits(owner: str, repo: str, number: int) -> flask.Response:
        here = place(site, owner, repo, "pulls", maintains=True)
        commits = here.every(f"/pulls/{number}/commits")
        return show(here, "pull_commits.html", pull=here.get(f"/pulls/{number}"), commits=commits, part="commits")

    @pages.get("/<owner>/<repo>/pull/<int:number>/checks")
    def pull_checks(owner: str, repo: str, number: int) -> flask.Response:
        here = place(site, owner, repo, "pulls", maintains=True)
        found = here.get(f"/pulls/{number}")
        return show(here, "pull_checks.html", pull=found, part="checks", checks=_with_annotations(here, found))

    @pages.get("/<owner>/<repo>/pull/<int:number>/files")
    def pull_files(owner: str, repo: str, number: int) -> flask.Response:
        here = place(site, owner, repo, "pulls", maintains=True)
        found = here.get(f"/pulls/{number}")
        files = [file_view(file) for file in here.every(f"/pulls/{number}/files")]
        return show(
            here, "pull_files.html", pull=found, part="files", files=files,
            notes=_notes(threads(here.every(f"/pulls/{number}/comments")), _with_annotations(here, found)),
        )  # fmt: skip

    @pages.get("/<owner>/<repo>/runs/<int:number>")
    def check(owner: str, repo: str, number: int) -> flask.Response:
        here = place(site, owner, repo, "actions")
        found = here.get(f"/check-runs/{number}")
        return show(here, "check.html", check=_annotated(here, found))


def pull_page(here: Place, number: int, *, error: str = "", status: int = 200, draft: str = "") -> flask.Response:
    """The conversation. With `error` it says what the API refused; `draft` is the text that was not taken."""
    pull = here.get(f"/pulls/{number}")
    issue = here.get(f"/issues/{number}")
    checks = checks_of(here, pull["head"]["sha"])
    timeline = conversation(here, number, pull=True)
    return show(
        here, "pull.html", status=status, pull=pull, issue=issue, error=error, draft=draft, part="conversation",
        timeline=timeline, labels=free_labels(here, issue), action=here.link(f"/issues/{number}"), checks=checks,
        summary=summary(checks), reviews=_latest_reviews(timeline),
    )  # fmt: skip


def checks_of(here: Place, sha: str) -> list[dict[str, Any]]:
    """Check runs and commit statuses of a commit, in one shape: name, status, conclusion, title, link."""
    runs = here.every(f"/commits/{sha}/check-runs", wrap="check_runs")
    found = [
        {
            **run,
            "title": (run.get("output") or {}).get("title") or "",
            "link": here.local(run.get("details_url")) or here.link(f"/runs/{run['id']}"),
        }
        for run in runs
    ]
    for state in here.get(f"/commits/{sha}/status").get("statuses", []):
        found.append(
            {
                "name": state["context"],
                "status": "completed" if state["state"] != "pending" else "in_progress",
                "conclusion": state["state"] if state["state"] != "pending" else None,
                "title": state.get("description") or "",
                "link": here.local(state.get("target_url")),
            }
        )
    return sorted(found, key=lambda check: str(check["name"]))


def summary(checks: list[dict[str, Any]]) -> str:
    """The state of all checks together: "" without any, else success, failure or in_progress."""
    states = [state_of(check) for check in checks]
    if not states:
        return ""
    if any(state in WAITING for state in states):
        return "in_progress"
    return "success" if all(state in FINE for state in states) else "failure"


def _latest_reviews(timeline: list[dict[str, Any]]) -> dict[str, str]:
    """Each reviewer's last word."""
    reviews = [entry["review"] for entry in timeline if entry["kind"] == "review"]
    return {review["user"]["login"]: review["state"] for review in reviews if review["state"] in LATEST}


def _with_annotations(here: Place, pull: dict[str, Any]) -> list[dict[str, Any]]:
    return [_annotated(here, check) for check in checks_of(here, pull["head"]["sha"])]


def _annotated(here: Place, check: dict[str, Any]) -> dict[str, Any]:
    count = (check.get("output") or {}).get("annotations_count") or 0
    notes = here.every(f"/check-runs/{check['id']}/annotations") if count else []
    return {**check, "annotations": notes}


def _notes(
    inline: list[dict[str, Any]], checks: list[dict[str, Any]]
) -> dict[tuple[str, str, int], list[dict[str, Any]]]:
    """What stands under which line of the diff: (path, side, line) -> threads and annotations."""
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for thread in inline:
        found.setdefault((thread["path"], thread["side"], thread["line"] or 0), []).append({"thread": thread})
    for check in checks:
        for note in check["annotations"]:
            key = (note["path"], "RIGHT", note["end_line"])
            found.setdefault(key, []).append({"annotation": note, "check": check})
    return found
