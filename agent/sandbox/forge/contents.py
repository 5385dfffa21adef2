"""REST: files by path, read and written one at a time."""

import base64
import binascii
from typing import Any
from urllib.parse import quote

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError, invalid, not_found
from agent.sandbox.forge.git_data import signature
from agent.sandbox.forge.http import Answer, Call, Route
from agent.sandbox.forge.journal import change_ref
from agent.sandbox.forge.moved import Move
from agent.sandbox.forge.shapes.git import git_commit
from agent.sandbox.forge.shapes.repository import api_url, html_url
from agent.sandbox.forge.workflows import FOLDER

READ, WRITE = ("contents:read",), ("contents:write",)
MAX_INLINE = 1_000_000


def get(call: Call, path: str = "") -> Answer:
    """A file with its content, or a folder's list. `Accept: application/vnd.github.raw` gives the bytes."""
    where, path = call.forge.git_dir(call.repo), path.strip("/")
    ref = call.query.get("ref") or call.repo["default_branch"]
    sha = git.resolve(where, ref)
    if sha is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    entry = git.entry(where, sha, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        found = git.entries(where, sha, f"{path}/" if path else "")
        return Answer([_shape(call, item, ref) for item in found])
    if entry.kind == "blob" and "raw" in call.accept:
        return Answer(raw=git.blob(where, entry.sha), headers={"Content-Type": "application/octet-stream"})
    return Answer(_file(call, entry, ref))


def _shape(call: Call, entry: git.Entry, ref: str) -> dict[str, Any]:
    path, kind = quote(entry.path), {"tree": "dir", "blob": "file", "commit": "submodule"}[entry.kind]
    kind = "symlink" if entry.mode == "120000" else kind
    own = api_url(call.forge, call.repo, f"/contents/{path}?ref={quote(ref, safe='')}")
    object_url = api_url(call.forge, call.repo, f"/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}")
    html = html_url(call.forge, call.repo, f"/{'tree' if kind == 'dir' else 'blob'}/{ref}/{path}")
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": own,
        "html_url": html,
        "git_url": object_url,
        "download_url": None if kind == "dir" else html_url(call.forge, call.repo, f"/raw/{ref}/{path}"),
        "type": kind,
        "_links": {"self": own, "git": object_url, "html": html},
    }


def _file(call: Call, entry: git.Entry, ref: str) -> dict[str, Any]:
    data = git.blob(call.forge.git_dir(call.repo), entry.sha)
    if entry.mode == "120000":
        return {**_shape(call, entry, ref), "target": data.decode("utf-8", "replace")}
    if len(data) > MAX_INLINE:
        return {**_shape(call, entry, ref), "content": "", "encoding": "none"}
    return {**_shape(call, entry, ref), "content": base64.encodebytes(data).decode(), "encoding": "base64"}


def put(call: Call, path: str) -> Answer:
    """Make or replace a file by a commit on a branch. Raises ApiError 409 when `sha` is not the file's now."""
    try:
        data = base64.b64decode(call.body["content"], validate=False)
    except KeyError as error:
        raise ApiError(422, 'Invalid request.\n\n"content" wasn\'t supplied.') from error
    except (binascii.Error, TypeError, ValueError) as error:
        raise ApiError(422, "content is not valid Base64") from error
    return _write(call, path, data)


def delete(call: Call, path: str) -> Answer:
    return _write(call, path, None)


def _write(call: Call, path: str, data: bytes | None) -> Answer:
    body, repo, where = {**call.query, **call.body}, call.repo, call.forge.git_dir(call.repo)
    if not isinstance(body.get("message"), str) or not body["message"]:
        raise ApiError(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
        raise invalid("Commit", "path", "invalid", "path contains a malformed path component")
    if call.who.limited and not call.who.granted("workflows:write") and path.startswith(f"{FOLDER}/"):
        raise ApiError(403, "Resource not accessible by integration")
    branch = str(body.get("branch") or repo["default_branch"]).removeprefix("refs/heads/")
    with call.forge.db.write():
        head = git.ref(where, f"refs/heads/{branch}") if git.is_ref_name(f"refs/heads/{branch}") else None
        if head is None:
            raise ApiError(404, f"Branch {branch} not found")
        entry = git.entry(where, head, path)
        _match(path, entry, body.get("sha"), deleting=data is None)
        blob = git.write_blob(where, data) if data is not None else None
        mode = entry.mode if entry else "100644"
        tree = git.write_tree(where, [(mode, path, blob)], base=head, index=call.forge.scratch())
        me = call.forge.user_row(call.who.id)
        sha = git.write_commit(
            where,
            tree=tree,
            parents=(head,),
            author=signature(me, body.get("author")),
            committer=signature(me, body.get("committer")),
            message=body["message"],
        )
        change_ref(call.forge, repo, call.who, Move(f"refs/heads/{branch}", head, sha))
    made = git.entry(where, sha, path)
    commit = git_commit(call.forge, repo, git.commit(where, sha))
    content = _shape(call, made, branch) if made else None
    return Answer({"content": content, "commit": commit}, 201 if entry is None else 200)


def _match(path: str, entry: git.Entry | None, sha: Any, *, deleting: bool) -> None:
    if entry is None:
        if deleting:
            raise not_found()
        if sha:
            raise ApiError(409, f"{path} does not match {sha}")
        return
    if not sha:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if sha != entry.sha:
        raise ApiError(409, f"{path} does not match {sha}")


CONTENTS = "/repos/<owner>/<repo>/contents"
ROUTES = (
    Route("GET", CONTENTS, get, "read", READ),
    Route("GET", f"{CONTENTS}/", get, "read", READ),
    Route("GET", f"{CONTENTS}/<path:path>", get, "read", READ),
    Route("PUT", f"{CONTENTS}/<path:path>", put, "write", WRITE),
    Route("DELETE", f"{CONTENTS}/<path:path>", delete, "write", WRITE),
)
