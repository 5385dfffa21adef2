"""REST: git refs, blobs, trees, commits and tag objects."""

import base64
import binascii
import re
from pathlib import Path
from typing import Any

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError, invalid, not_found, unprocessable
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.journal import change_ref
from agent.sandbox.forge.moved import Move
from agent.sandbox.forge.shapes.git import git_commit, git_tag, reference
from agent.sandbox.forge.shapes.people import person
from agent.sandbox.forge.shapes.repository import api_url
from agent.sandbox.forge.store import Row, now
from agent.sandbox.forge.workflows import refuse_workflow_changes

MODES = ("100644", "100755", "040000", "160000", "120000")
READ, WRITE = ("contents:read",), ("contents:write",)
MAX_ENTRIES = 100_000
SHA = re.compile(r"[0-9a-f]{40}")


def get_ref(call: Call, ref: str) -> Answer:
    name = f"refs/{ref}"
    sha = git.ref(call.forge.git_dir(call.repo), name) if git.is_ref_name(name) else None
    if sha is None:
        raise not_found()
    return Answer(reference(call.forge, call.repo, name, sha))


def matching_refs(call: Call, ref: str = "") -> Answer:
    found = git.refs(call.forge.git_dir(call.repo))
    rows = [(name, sha) for name, sha in found.items() if name.startswith(f"refs/{ref}")]
    return page(call, rows, lambda row: reference(call.forge, call.repo, row[0], row[1]))


def _object(call: Call, sha: Any, ref: str) -> str:
    """What `ref` may point at: a branch at a commit alone, any other ref at any object. Raises ApiError 422."""
    if not isinstance(sha, str) or not sha:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    kind = git.kind_of(call.forge.git_dir(call.repo), sha) if SHA.fullmatch(sha) else None
    if kind is None or (ref.startswith("refs/heads/") and kind != "commit"):
        raise unprocessable("Object does not exist")
    return sha


def _refuse_workflow_changes(call: Call, *, old: str | None, new: str) -> None:
    """A ref at a tree or a blob brings no commit, so no new version of a workflow file."""
    if git.resolve(call.forge.git_dir(call.repo), new) is not None:
        refuse_workflow_changes(call, old=old, new=new)


def create_ref(call: Call) -> Answer:
    name = call.body.get("ref")
    if not isinstance(name, str) or not git.is_ref_name(name):
        raise unprocessable("Reference name must start with 'refs/' and contain at least one additional slash.")
    if name.startswith("refs/pull/"):
        raise unprocessable("Reference update failed")
    sha = _object(call, call.body.get("sha"), name)
    _refuse_workflow_changes(call, old=None, new=sha)
    with call.forge.db.write():
        if git.ref(call.forge.git_dir(call.repo), name) is not None:
            raise unprocessable("Reference already exists")
        change_ref(call.forge, call.repo, call.who, Move(name, git.ZERO, sha))
    shape = reference(call.forge, call.repo, name, sha)
    return Answer(shape, 201, {"Location": shape["url"]})


def update_ref(call: Call, ref: str) -> Answer:
    name, where = f"refs/{ref}", call.forge.git_dir(call.repo)
    sha = _object(call, call.body.get("sha"), name)
    with call.forge.db.write():
        old = git.ref(where, name) if git.is_ref_name(name) else None
        if old is None:
            raise unprocessable("Reference does not exist")
        if not call.body.get("force") and not _forward(where, old, sha):
            raise unprocessable("Update is not a fast forward")
        _refuse_workflow_changes(call, old=old, new=sha)
        if old != sha:
            change_ref(call.forge, call.repo, call.who, Move(name, old, sha))
    return Answer(reference(call.forge, call.repo, name, sha))


def _forward(where: Path, old: str, new: str) -> bool:
    """Whether `new` follows on `old`. Only commits, and tags of commits, follow on each other."""
    if old == new:
        return True
    if git.resolve(where, old) is None or git.resolve(where, new) is None:
        return False
    return git.is_ancestor(where, old, new)


def delete_ref(call: Call, ref: str) -> Answer:
    name = f"refs/{ref}"
    with call.forge.db.write():
        old = git.ref(call.forge.git_dir(call.repo), name) if git.is_ref_name(name) else None
        if old is None or name.startswith("refs/pull/"):
            raise unprocessable("Reference does not exist")
        if name == f"refs/heads/{call.repo['default_branch']}":
            raise unprocessable("Cannot delete the default branch")
        change_ref(call.forge, call.repo, call.who, Move(name, old, git.ZERO))
    return Answer(None, 204)


def create_blob(call: Call) -> Answer:
    content = call.body.get("content")
    if not isinstance(content, str):
        raise ApiError(422, 'Invalid request.\n\n"content" wasn\'t supplied.')
    try:
        data = base64.b64decode(content) if call.body.get("encoding") == "base64" else content.encode()
    except binascii.Error as error:
        raise invalid("Blob", "content", "invalid") from error
    sha = git.write_blob(call.forge.git_dir(call.repo), data)
    url = api_url(call.forge, call.repo, f"/git/blobs/{sha}")
    return Answer({"sha": sha, "url": url}, 201, {"Location": url})


def get_blob(call: Call, sha: str) -> Answer:
    if git.resolve(call.forge.git_dir(call.repo), sha, "blob") != sha:
        raise not_found()
    data = git.blob(call.forge.git_dir(call.repo), sha)
    return Answer(
        {
            "sha": sha,
            "node_id": base64.b64encode(f"0:Blob{sha}".encode()).decode(),
            "size": len(data),
            "url": api_url(call.forge, call.repo, f"/git/blobs/{sha}"),
            "content": base64.encodebytes(data).decode(),
            "encoding": "base64",
        }
    )


def create_tree(call: Call) -> Answer:
    given, where = call.body.get("tree"), call.forge.git_dir(call.repo)
    if not isinstance(given, list) or not given:
        raise ApiError(422, 'Invalid request.\n\n"tree" wasn\'t supplied.')
    base = call.body.get("base_tree")
    if base is not None and git.resolve(where, str(base), "tree") is None:
        raise not_found()
    changes = [_tree_entry(call, item) for item in given]
    try:
        sha = git.write_tree(where, changes, base=base, index=call.forge.scratch())
    except git.GitError as error:
        raise unprocessable("GitRPC::BadObjectState") from error
    return Answer(_tree(call, sha, recursive=False), 201)


def _tree_entry(call: Call, item: Any) -> tuple[str, str, str | None]:
    if not isinstance(item, dict) or not isinstance(item.get("path"), str) or not item["path"]:
        raise unprocessable("tree.path contains a malformed path component")
    parts = item["path"].split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise unprocessable("tree.path contains a malformed path component")
    mode = str(item.get("mode"))
    if mode not in MODES:
        raise unprocessable("tree.mode must be a valid mode")
    if isinstance(item.get("content"), str):
        return mode, item["path"], git.write_blob(call.forge.git_dir(call.repo), item["content"].encode())
    if item.get("sha") is None:
        return mode, item["path"], None
    if git.kind_of(call.forge.git_dir(call.repo), str(item["sha"])) is None and mode != "160000":
        raise unprocessable(f"tree.sha {item['sha']} is not a valid {item.get('type', 'blob')}")
    return mode, item["path"], str(item["sha"])


def get_tree(call: Call, sha: str) -> Answer:
    found = git.resolve(call.forge.git_dir(call.repo), sha, "tree")
    if found is None:
        raise not_found()
    return Answer(_tree(call, found, recursive="recursive" in call.query))


def _tree(call: Call, sha: str, *, recursive: bool) -> dict[str, Any]:
    found = git.entries(call.forge.git_dir(call.repo), sha, recursive=recursive)
    names = {"tree": "trees", "blob": "blobs", "commit": "commits"}
    return {
        "sha": sha,
        "url": api_url(call.forge, call.repo, f"/git/trees/{sha}"),
        "tree": [
            {
                "path": entry.path,
                "mode": entry.mode,
                "type": entry.kind,
                "sha": entry.sha,
                **({"size": entry.size} if entry.size is not None else {}),
                "url": api_url(call.forge, call.repo, f"/git/{names[entry.kind]}/{entry.sha}"),
            }
            for entry in found[:MAX_ENTRIES]
        ],
        "truncated": len(found) > MAX_ENTRIES,
    }


def create_commit(call: Call) -> Answer:
    body, where = call.body, call.forge.git_dir(call.repo)
    if not isinstance(body.get("message"), str):
        raise ApiError(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    tree = body.get("tree")
    if not isinstance(tree, str) or git.resolve(where, tree, "tree") != tree:
        raise unprocessable("Tree SHA does not exist")
    parents = body.get("parents") or []
    for parent in parents:
        if git.resolve(where, str(parent)) != parent:
            raise unprocessable("Parent SHA does not exist or is not a commit object")
    me = call.forge.user_row(call.who.id)
    author = signature(me, body.get("author"))
    committer = signature(me, body.get("committer") or body.get("author"))
    sha = git.write_commit(
        where, tree=tree, parents=parents, author=author, committer=committer, message=body["message"]
    )
    shape = git_commit(call.forge, call.repo, git.commit(where, sha))
    return Answer(shape, 201, {"Location": shape["url"]})


def signature(me: Row, given: Any) -> git.Person:
    """Name, address and date as the request says, else the caller's own."""
    own = person(me)
    if not isinstance(given, dict):
        return own
    return git.Person(given.get("name") or own.name, given.get("email") or own.email, given.get("date") or now())


def get_commit(call: Call, sha: str) -> Answer:
    if git.resolve(call.forge.git_dir(call.repo), sha) != sha:
        raise not_found()
    return Answer(git_commit(call.forge, call.repo, git.commit(call.forge.git_dir(call.repo), sha)))


def create_tag(call: Call) -> Answer:
    """An annotated tag's object. No ref points at it before one is made."""
    where, body = call.forge.git_dir(call.repo), call.body
    for field in ("tag", "message", "object", "type"):
        if not isinstance(body.get(field), str) or not body[field]:
            raise ApiError(422, f'Invalid request.\n\n"{field}" wasn\'t supplied.')
    target, kind = body["object"], body["type"]
    if kind not in ("commit", "tree", "blob") or not SHA.fullmatch(target) or git.kind_of(where, target) != kind:
        raise unprocessable("Object does not exist")
    if not git.is_ref_name(f"refs/tags/{body['tag']}"):
        raise unprocessable("Tag name is not valid")
    tagger = signature(call.forge.user_row(call.who.id), body.get("tagger"))
    sha = git.write_tag(where, name=body["tag"], target=target, kind=kind, tagger=tagger, message=body["message"])
    shape = git_tag(call.forge, call.repo, git.tag(where, sha))
    return Answer(shape, 201, {"Location": shape["url"]})


def get_tag(call: Call, sha: str) -> Answer:
    where = call.forge.git_dir(call.repo)
    if not SHA.fullmatch(sha) or git.kind_of(where, sha) != "tag":
        raise not_found()
    return Answer(git_tag(call.forge, call.repo, git.tag(where, sha)))


GIT = "/repos/<owner>/<repo>/git"
ROUTES = (
    Route("GET", f"{GIT}/ref/<path:ref>", get_ref, "read", READ),
    Route("GET", f"{GIT}/refs/<path:ref>", get_ref, "read", READ),
    Route("GET", f"{GIT}/refs", matching_refs, "read", READ),
    Route("GET", f"{GIT}/matching-refs/<path:ref>", matching_refs, "read", READ),
    Route("POST", f"{GIT}/refs", create_ref, "write", WRITE),
    Route("PATCH", f"{GIT}/refs/<path:ref>", update_ref, "write", WRITE),
    Route("DELETE", f"{GIT}/refs/<path:ref>", delete_ref, "write", WRITE),
    Route("POST", f"{GIT}/blobs", create_blob, "write", WRITE),
    Route("GET", f"{GIT}/blobs/<sha>", get_blob, "read", READ),
    Route("POST", f"{GIT}/trees", create_tree, "write", WRITE),
    Route("GET", f"{GIT}/trees/<path:sha>", get_tree, "read", READ),
    Route("POST", f"{GIT}/commits", create_commit, "write", WRITE),
    Route("GET", f"{GIT}/commits/<sha>", get_commit, "read", READ),
    Route("POST", f"{GIT}/tags", create_tag, "write", WRITE),
    Route("GET", f"{GIT}/tags/<sha>", get_tag, "read", READ),
)
