"""A repository's row in, GitHub's repository objects out."""

from typing import TYPE_CHECKING, Any

from agent.sandbox.forge.access import at_least, role_of
from agent.sandbox.forge.shapes.people import node_id, user
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

TEMPLATES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def full_name(repo: Row) -> str:
    return f"{repo['owner']}/{repo['name']}"


def api_url(forge: "Forge", repo: Row, path: str = "") -> str:
    return f"{forge.api}/repos/{full_name(repo)}{path}"


def html_url(forge: "Forge", repo: Row, path: str = "") -> str:
    return f"{forge.url}/{full_name(repo)}{path}"


def source_of(forge: "Forge", repo: Row) -> Row | None:
    """The repository that `repo` is a fork of, or None."""
    sql = "SELECT r.* FROM forks f JOIN repositories r ON r.id = f.source_id WHERE f.repo_id = ?"
    return forge.db.one(sql, repo["id"])


def minimal(forge: "Forge", repo: Row) -> dict[str, Any]:
    """What every mention of a repository holds."""
    api, html = api_url(forge, repo), html_url(forge, repo)
    return {
        "id": repo["id"],
        "node_id": node_id("Repository", repo["id"]),
        "name": repo["name"],
        "full_name": full_name(repo),
        "private": False,
        "owner": user(forge, repo["owner_id"]),
        "html_url": html,
        "description": None,
        "fork": source_of(forge, repo) is not None,
        "url": api,
        **{name: api + path for name, path in TEMPLATES.items()},
    }


def repository(forge: "Forge", repo: Row) -> dict[str, Any]:
    """GitHub's repository, as in pull requests and events."""
    html = html_url(forge, repo)
    forks = forge.db.get("SELECT COUNT(*) AS n FROM forks WHERE source_id = ?", repo["id"])["n"]
    opened = forge.db.get("SELECT COUNT(*) AS n FROM issues WHERE repo_id = ? AND state = 'open'", repo["id"])["n"]
    return {
        **minimal(forge, repo),
        "created_at": repo["created_at"],
        "updated_at": repo["pushed_at"],
        "pushed_at": repo["pushed_at"],
        "git_url": f"git://{html.partition('://')[2]}.git",
        "ssh_url": f"git@{html.partition('://')[2].partition('/')[0]}:{full_name(repo)}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": "HCL",
        "has_issues": True,
        "has_projects": False,
        "has_downloads": False,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": forks,
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "open_issues_count": opened,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "public",
        "custom_properties": {},
        "forks": forks,
        "open_issues": opened,
        "watchers": 0,
        "default_branch": repo["default_branch"],
    }


def full(forge: "Forge", repo: Row, actor: Actor | None) -> dict[str, Any]:
    """GitHub's full repository, with what the caller may do."""
    settings = {
        "allow_squash_merge": True,
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "allow_auto_merge": False,
        "allow_update_branch": False,
        "delete_branch_on_merge": False,
    }
    extra: dict[str, Any] = {"temp_clone_token": None, "network_count": 0, "subscribers_count": 0}
    if actor is not None and not actor.limited:
        extra["permissions"] = permissions(forge, repo, actor.id)
    source = source_of(forge, repo)
    if source is not None:
        extra |= {name: repository(forge, source) for name in ("parent", "source")}
    return {**repository(forge, repo), **settings, **extra}


def permissions(forge: "Forge", repo: Row, user_id: int) -> dict[str, bool]:
    role = role_of(forge.db, repo, user_id)
    names = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: at_least(role, wanted) for name, wanted in names.items()}
