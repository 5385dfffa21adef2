"""REST: commits, comparisons and branches."""

from typing import Any

from agent.sandbox.forge import diffs, git, kept
from agent.sandbox.forge.errors import ApiError, not_found
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.kept import Kept
from agent.sandbox.forge.protection import PROTECTION
from agent.sandbox.forge.shapes.git import commit, file, full_commit
from agent.sandbox.forge.shapes.pull import SELECT, pull
from agent.sandbox.forge.shapes.repository import api_url, html_url

READ = ("contents:read",)
MAX_FILES = 300


def listed(call: Call) -> Answer:
    where, query = call.forge.git_dir(call.repo), call.query
    sha = git.resolve(where, query.get("sha") or call.repo["default_branch"])
    if sha is None:
        raise not_found()
    limits = [f"--{name}={query[name]}" for name in ("since", "until", "author") if name in query]
    found = git.commits(where, *limits, sha, "--", *([query["path"]] if query.get("path") else []))
    return page(call, found, lambda one: commit(call.forge, call.repo, one))


def get(call: Call, ref: str) -> Answer:
    where = call.forge.git_dir(call.repo)
    sha = git.resolve(where, ref)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    return Answer(full_commit(call.forge, call.repo, git.commit(where, sha)))


def pulls_of(call: Call, sha: str) -> Answer:
    """The merged pull request that brought the commit, else the open ones that hold it."""
    where = call.forge.git_dir(call.repo)
    if git.resolve(where, sha) != sha:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    rows = call.forge.db.all(f"{SELECT} WHERE i.repo_id = ? ORDER BY i.number", call.repo["id"])
    found = []
    for row in rows:
        in_head = git.is_ancestor(where, sha, row["head_sha"]) and not git.is_ancestor(where, sha, row["base_sha"])
        if (row["merged_at"] and row["merge_sha"] == sha) or in_head:
            found.append(row)
    return page(call, found, lambda row: pull(call.forge, call.repo, row))


def compare(call: Call, basehead: str) -> Answer:
    """base...head, as the three-dot diff: what head changed since it left base."""
    where, (one, dots, other) = call.forge.git_dir(call.repo), basehead.partition("...")
    base, head = git.resolve(where, one.rpartition(":")[2]), git.resolve(where, other.rpartition(":")[2])
    if not dots or base is None or head is None:
        raise not_found()
    fork = git.merge_base(where, base, head)
    if fork is None:
        raise ApiError(404, f"No common ancestor between {one} and {other}.")
    ahead = git.commits(where, "--reverse", "--topo-order", f"{base}..{head}")
    behind = int(git.git(where, "rev-list", "--count", f"{head}..{base}"))
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    changed = diffs.files(where, fork, head)[:MAX_FILES]
    span, html = f"/compare/{one}...{other}", html_url(call.forge, call.repo, f"/compare/{one}...{other}")
    paged = page(call, ahead, lambda found: commit(call.forge, call.repo, found))
    return Answer(
        {
            "url": api_url(call.forge, call.repo, span),
            "html_url": html,
            "permalink_url": html_url(call.forge, call.repo, f"/compare/{base[:12]}...{head[:12]}"),
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "base_commit": commit(call.forge, call.repo, git.commit(where, base)),
            "merge_base_commit": commit(call.forge, call.repo, git.commit(where, fork)),
            "status": status.get((bool(ahead), bool(behind)), "diverged"),
            "ahead_by": len(ahead),
            "behind_by": behind,
            "total_commits": len(ahead),
            "commits": paged.data,
            "files": [file(call.forge, call.repo, change, head) for change in changed],
        },
        headers=paged.headers,
    )


def branches(call: Call) -> Answer:
    found = git.refs(call.forge.git_dir(call.repo), "refs/heads")
    rows = [(name.removeprefix("refs/heads/"), sha) for name, sha in found.items()]
    protected = {one.name for one in kept.of(call.forge, call.repo, PROTECTION)}
    return page(
        call,
        rows,
        lambda row: {
            "name": row[0],
            "commit": {"sha": row[1], "url": api_url(call.forge, call.repo, f"/commits/{row[1]}")},
            "protected": row[0] in protected,
        },
    )


def branch(call: Call, name: str) -> Answer:
    where = call.forge.git_dir(call.repo)
    sha = git.ref(where, f"refs/heads/{name}") if git.is_ref_name(f"refs/heads/{name}") else None
    if sha is None:
        raise ApiError(404, "Branch not found")
    url = api_url(call.forge, call.repo, f"/branches/{name}")
    found = kept.one(call.forge, call.repo, PROTECTION, name)
    named = [one["context"] for one in _checks(found)]
    return Answer(
        {
            "name": name,
            "commit": commit(call.forge, call.repo, git.commit(where, sha)),
            "_links": {"self": url, "html": html_url(call.forge, call.repo, f"/tree/{name}")},
            "protected": found is not None,
            "protection": {
                "enabled": found is not None,
                "required_status_checks": {
                    "enforcement_level": "non_admins" if named else "off",
                    "contexts": named,
                    "checks": [{"app_id": None, **one} for one in _checks(found)],
                },
            },
            "protection_url": f"{url}/protection",
        }
    )


def _checks(protection: Kept | None) -> list[dict[str, Any]]:
    """The status checks that a branch's protection asks for."""
    checks = (protection.value["required_status_checks"] if protection else None) or {}
    return list(checks.get("checks") or [{"context": context} for context in checks.get("contexts") or []])


ROUTES = (
    Route("GET", "/repos/<owner>/<repo>/commits", listed, "read", READ),
    Route("GET", "/repos/<owner>/<repo>/commits/<path:ref>", get, "read", READ),
    Route("GET", "/repos/<owner>/<repo>/commits/<sha>/pulls", pulls_of, "read", ("pull_requests:read",)),
    Route("GET", "/repos/<owner>/<repo>/compare/<path:basehead>", compare, "read", READ),
    Route("GET", "/repos/<owner>/<repo>/branches", branches, "read", READ),
    Route("GET", "/repos/<owner>/<repo>/branches/<path:name>", branch, "read", READ),
)
