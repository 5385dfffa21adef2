"""Commits, trees and changed files in, GitHub's objects out."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agent.sandbox.forge import diffs, git
from agent.sandbox.forge.shapes.people import account, node_id
from agent.sandbox.forge.shapes.repository import api_url, html_url
from agent.sandbox.forge.store import Row

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

UNVERIFIED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def person(who: git.Person) -> dict[str, Any]:
    return {"name": who.name, "email": who.email, "date": utc(who.date)}


def utc(date: str) -> str:
    """An ISO 8601 date with an offset -> the same second in UTC, as the API writes it."""
    return datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_commit(forge: "Forge", repo: Row, commit: git.Commit) -> dict[str, Any]:
    """The commit object of /git/commits."""
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", int(commit.sha[:12], 16)),
        "url": api_url(forge, repo, f"/git/commits/{commit.sha}"),
        "html_url": html_url(forge, repo, f"/commit/{commit.sha}"),
        "author": person(commit.author),
        "committer": person(commit.committer),
        "tree": {"sha": commit.tree, "url": api_url(forge, repo, f"/git/trees/{commit.tree}")},
        "message": commit.message,
        "parents": [
            {
                "sha": parent,
                "url": api_url(forge, repo, f"/git/commits/{parent}"),
                "html_url": html_url(forge, repo, f"/commit/{parent}"),
            }
            for parent in commit.parents
        ],
        "verification": UNVERIFIED,
    }


def commit(forge: "Forge", repo: Row, found: git.Commit) -> dict[str, Any]:
    """The commit of /commits, without files."""
    api = api_url(forge, repo, f"/commits/{found.sha}")
    return {
        "sha": found.sha,
        "node_id": node_id("Commit", int(found.sha[:12], 16)),
        "commit": {
            "author": person(found.author),
            "committer": person(found.committer),
            "message": found.message,
            "tree": {"sha": found.tree, "url": api_url(forge, repo, f"/git/trees/{found.tree}")},
            "url": api_url(forge, repo, f"/git/commits/{found.sha}"),
            "comment_count": 0,
            "verification": UNVERIFIED,
        },
        "url": api,
        "html_url": html_url(forge, repo, f"/commit/{found.sha}"),
        "comments_url": f"{api}/comments",
        "author": account(forge, found.author.email),
        "committer": account(forge, found.committer.email),
        "parents": [
            {
                "sha": parent,
                "url": api_url(forge, repo, f"/commits/{parent}"),
                "html_url": html_url(forge, repo, f"/commit/{parent}"),
            }
            for parent in found.parents
        ],
    }


def full_commit(forge: "Forge", repo: Row, found: git.Commit) -> dict[str, Any]:
    """The commit with its statistics and files against its first parent."""
    base = found.parents[0] if found.parents else git.EMPTY_TREE
    changed = diffs.files(forge.git_dir(repo), base, found.sha)
    additions, deletions = sum(c.additions for c in changed), sum(c.deletions for c in changed)
    return {
        **commit(forge, repo, found),
        "stats": {"total": additions + deletions, "additions": additions, "deletions": deletions},
        "files": [file(forge, repo, change, found.sha) for change in changed],
    }


def file(forge: "Forge", repo: Row, change: diffs.FileChange, sha: str) -> dict[str, Any]:
    """One changed file as seen at commit `sha`."""
    path = quote(change.path)
    shape: dict[str, Any] = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": html_url(forge, repo, f"/blob/{sha}/{path}"),
        "raw_url": html_url(forge, repo, f"/raw/{sha}/{path}"),
        "contents_url": api_url(forge, repo, f"/contents/{path}?ref={sha}"),
    }
    if change.patch is not None:
        shape["patch"] = change.patch
    if change.previous is not None:
        shape["previous_filename"] = change.previous
    return shape


def reference(forge: "Forge", repo: Row, name: str, sha: str) -> dict[str, Any]:
    kind = git.kind_of(forge.git_dir(repo), sha) or "commit"
    return {
        "ref": name,
        "node_id": node_id("Ref", int(sha[:12], 16)),
        "url": api_url(forge, repo, f"/git/{name}"),
        "object": {"type": kind, "sha": sha, "url": api_url(forge, repo, f"/git/{kind}s/{sha}")},
    }


def git_tag(forge: "Forge", repo: Row, tag: git.Tag) -> dict[str, Any]:
    """The annotated tag of /git/tags."""
    return {
        "node_id": node_id("Tag", int(tag.sha[:12], 16)),
        "tag": tag.name,
        "sha": tag.sha,
        "url": api_url(forge, repo, f"/git/tags/{tag.sha}"),
        "message": tag.message,
        "tagger": person(tag.tagger),
        "object": {
            "sha": tag.target,
            "type": tag.kind,
            "url": api_url(forge, repo, f"/git/{tag.kind}s/{tag.target}"),
        },
        "verification": UNVERIFIED,
    }


def pushed_commit(forge: "Forge", repo: Row, found: git.Commit) -> dict[str, Any]:
    """A commit as in a push event."""
    flags = ("--no-commit-id", "--name-status", "--no-renames", "-r", "-z", "--root")
    answer = git.raw(forge.git_dir(repo), "diff-tree", *flags, found.sha)[1]
    parts = answer.decode("utf-8", "replace").split("\0")
    changed = list(zip(parts[0::2], parts[1::2], strict=False))
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "distinct": True,
        "message": found.message,
        "timestamp": found.committer.date,
        "url": html_url(forge, repo, f"/commit/{found.sha}"),
        "author": _committer(forge, found.author),
        "committer": _committer(forge, found.committer),
        "added": [path for letter, path in changed if letter == "A"],
        "removed": [path for letter, path in changed if letter == "D"],
        "modified": [path for letter, path in changed if letter not in "AD"],
    }


def _committer(forge: "Forge", who: git.Person) -> dict[str, Any]:
    shape = {"name": who.name, "email": who.email}
    known = account(forge, who.email)
    return {**shape, "username": known["login"]} if known else shape
