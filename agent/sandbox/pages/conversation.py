"""An issue's or a pull request's number -> all that happened to it, in its order, for the page."""

from typing import Any

from agent.sandbox.pages.diff import Row, rows
from agent.sandbox.pages.site import Place

SHOWN_EVENTS = {
    "labeled": "added the label",
    "unlabeled": "removed the label",
    "closed": "closed this",
    "reopened": "reopened this",
    "merged": "merged this",
    "renamed": "changed the title",
    "assigned": "assigned",
    "unassigned": "unassigned",
    "locked": "locked the conversation",
    "unlocked": "unlocked the conversation",
    "referenced": "referenced this",
    "head_ref_deleted": "deleted the branch",
    "head_ref_restored": "restored the branch",
    "head_ref_force_pushed": "force-pushed the branch",
    "ready_for_review": "marked this as ready for review",
    "convert_to_draft": "marked this as a draft",
}
EMOJI = {
    "+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕", "heart": "❤️", "hooray": "🎉", "eyes": "👀", "rocket": "🚀",
}  # fmt: skip
CONTEXT_LINES = 4


def reactions(item: dict[str, Any]) -> list[tuple[str, int]]:
    """The emoji that people put under it, each with how many did."""
    counts = item.get("reactions") or {}
    return [(sign, int(counts[name])) for name, sign in EMOJI.items() if counts.get(name)]


def conversation(here: Place, number: int, *, pull: bool = False) -> list[dict[str, Any]]:
    """Entries with `kind` (comment, event, review, commit), `at`, and what the kind's template shows."""
    entries: list[dict[str, Any]] = []
    if pull:
        entries += [
            {"kind": "commit", "at": commit["commit"]["committer"]["date"], "commit": commit}
            for commit in here.every(f"/pulls/{number}/commits")
        ]
        entries += _reviews(here, number)
    entries += [
        {"kind": "comment", "at": comment["created_at"], "comment": comment}
        for comment in here.every(f"/issues/{number}/comments")
    ]
    entries += [
        {"kind": "event", "at": event["created_at"], "event": event, "did": SHOWN_EVENTS[event["event"]]}
        for event in here.every(f"/issues/{number}/events")
        if event["event"] in SHOWN_EVENTS
    ]
    return sorted(entries, key=lambda entry: (str(entry["at"]), _rank(entry)))


def _rank(entry: dict[str, Any]) -> int:
    """The order within one second, which is as fine as the times are: a label before the answer, the end last."""
    if entry["kind"] == "event":
        return 3 if entry["event"]["event"] in ("closed", "merged", "reopened", "head_ref_deleted") else 1
    return 0 if entry["kind"] == "commit" else 2


def threads(comments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Inline comments as threads: the first one, its replies and the lines of the diff it is about."""
    found: dict[int, dict[str, Any]] = {}
    for comment in sorted(comments, key=lambda comment: (str(comment["created_at"]), int(comment["id"]))):
        first = comment.get("in_reply_to_id")
        if first in found:
            found[first]["comments"].append(comment)
        else:
            found[comment["id"]] = {
                "path": comment["path"],
                "line": comment.get("line") or comment.get("original_line"),
                "side": comment.get("side") or "RIGHT",
                "outdated": comment.get("line") is None,
                "review": comment["pull_request_review_id"],
                "rows": _excerpt(comment),
                "comments": [comment],
            }
    return list(found.values())


def _excerpt(comment: dict[str, Any]) -> list[Row]:
    shown = [row for row in rows(comment.get("diff_hunk") or "") if row.kind != "hunk"]
    return shown[-CONTEXT_LINES:]


def _reviews(here: Place, number: int) -> list[dict[str, Any]]:
    inline = threads(here.every(f"/pulls/{number}/comments"))
    return [
        {
            "kind": "review",
            "at": review.get("submitted_at") or "",
            "review": review,
            "threads": [thread for thread in inline if thread["review"] == review["id"]],
        }
        for review in here.every(f"/pulls/{number}/reviews")
        if review["state"] != "PENDING"
    ]
