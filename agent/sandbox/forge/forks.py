"""REST: forks. A fork is a repository of its own; its pull requests belong to the one it comes from."""

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.shapes.repository import full, minimal

BRANCHES = "+refs/heads/*:refs/heads/*"


def create(call: Call) -> Answer:
    """Below the caller's account, with all branches. Asked again it answers with the fork that is there."""
    who, source = call.who, call.repo
    if who.limited:
        raise ApiError(403, "Resource not accessible by integration")
    if who.id == source["owner_id"]:
        raise ApiError(403, "A repository cannot be forked to its own owner")
    name = str(call.body.get("name") or source["name"])
    found = call.forge.repository_row(f"{who.login}/{name}")
    if found is None:
        call.forge.create_repository(who.login, name, seed={}, default_branch=source["default_branch"])
        found = call.forge.repo_row(f"{who.login}/{name}")
        git.git(call.forge.git_dir(found), "fetch", "--quiet", str(call.forge.git_dir(source)), BRANCHES)
        call.forge.db.run("INSERT INTO forks VALUES (?, ?)", found["id"], source["id"])
    return Answer(full(call.forge, found, who), 202)


def listed(call: Call) -> Answer:
    sql = "SELECT r.* FROM forks f JOIN repositories r ON r.id = f.repo_id WHERE f.source_id = ? ORDER BY r.id DESC"
    rows = call.forge.db.all(sql, call.repo["id"])
    return page(call, rows, lambda row: minimal(call.forge, row))


FORKS = "/repos/<owner>/<repo>/forks"
ROUTES = (
    Route("POST", FORKS, create, "read"),
    Route("GET", FORKS, listed, "read", ("metadata:read",)),
)
