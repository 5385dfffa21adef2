"""Routes for what is in the repository: home, folder, file, raw file, commit list and commit."""

from typing import Any

import flask

from agent.sandbox.forge.errors import ApiError
from agent.sandbox.pages.diff import rows
from agent.sandbox.pages.highlight import highlight_lines, language_of
from agent.sandbox.pages.site import Place, Site, place, show

MAX_SHOWN = 1_000_000
READMES = ("README.md", "readme.md", "README", "README.txt")


def add(pages: flask.Blueprint, site: Site) -> None:
    @pages.get("/")
    def front() -> flask.typing.ResponseReturnValue:
        found = site.forge.db.all("SELECT owner, name FROM repositories ORDER BY id")
        if len(found) == 1:
            return flask.redirect(f"/{found[0]['owner']}/{found[0]['name']}")
        return flask.render_template("front.html", repositories=[f"{row['owner']}/{row['name']}" for row in found])

    @pages.get("/<owner>/<repo>")
    def home(owner: str, repo: str) -> flask.Response:
        here = place(site, owner, repo, "code")
        return _folder(here, _default_branch(here), "")

    @pages.get("/<owner>/<repo>/tree/<path:rest>")
    def tree(owner: str, repo: str, rest: str) -> flask.Response:
        here = place(site, owner, repo, "code")
        ref, path = split_ref(here, rest)
        return _folder(here, ref, path)

    @pages.get("/<owner>/<repo>/blob/<path:rest>")
    def blob(owner: str, repo: str, rest: str) -> flask.Response:
        here = place(site, owner, repo, "code")
        ref, path = split_ref(here, rest)
        return _file(here, ref, path)

    @pages.get("/<owner>/<repo>/raw/<path:rest>")
    def raw(owner: str, repo: str, rest: str) -> flask.Response:
        here = place(site, owner, repo, "code")
        ref, path = split_ref(here, rest)
        return flask.Response(_content(here, ref, path), mimetype="text/plain")

    @pages.get("/<owner>/<repo>/commits/<path:rest>")
    def commits(owner: str, repo: str, rest: str) -> flask.Response:
        here = place(site, owner, repo, "code")
        ref, path = split_ref(here, rest)
        found = here.get("/commits", sha=ref, per_page=100, **({"path": path} if path else {}))
        return show(here, "commits.html", ref=ref, path=path, commits=found)

    @pages.get("/<owner>/<repo>/commit/<sha>")
    def commit(owner: str, repo: str, sha: str) -> flask.Response:
        here = place(site, owner, repo, "code")
        try:
            found = here.get(f"/commits/{sha}")
        except ApiError as error:
            raise ApiError(404, f"{here.repo} has no commit {sha}.") from error
        files = [file_view(file) for file in found.get("files", [])]
        checks = here.every(f"/commits/{found['sha']}/check-runs", wrap="check_runs")
        return show(here, "commit.html", commit=found, files=files, checks=checks)


def file_view(file: dict[str, Any]) -> dict[str, Any]:
    """A file of the API's file list with its patch as rows."""
    return {**file, "rows": rows(file.get("patch") or "")}


def split_ref(here: Place, rest: str) -> tuple[str, str]:
    """ "feature/x/dir/file" -> the ref and the path; no ref can be another's folder. Raises ApiError 404."""
    parts = rest.strip("/").split("/")
    for count in range(1, len(parts) + 1):
        ref = "/".join(parts[:count])
        try:
            here.site.forge.resolve(here.repo, ref)
        except KeyError:
            continue
        return ref, "/".join(parts[count:])
    raise ApiError(404, f"{here.repo} has no branch, tag or commit that {rest!r} begins with.")


def crumbs(path: str) -> list[tuple[str, str]]:
    """Each folder on the way to `path`, and itself: (name, path)."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: place + 1])) for place, part in enumerate(parts)]


def _default_branch(here: Place) -> str:
    return str(here.get("")["default_branch"])


def _folder(here: Place, ref: str, path: str) -> flask.Response:
    listing = here.get(f"/contents/{path}", ref=ref)
    if not isinstance(listing, list):
        return _file(here, ref, path)
    entries = sorted(listing, key=lambda entry: (entry["type"] != "dir", entry["name"]))
    latest = here.get("/commits", sha=ref, per_page=1)
    names = {entry["name"] for entry in entries}
    readme = next((name for name in READMES if name in names), "")
    text = ""
    if readme:
        whole = f"{path}/{readme}" if path else readme
        text = here.site.forge.read_file(here.repo, ref, whole).decode("utf-8", "replace")
    return show(
        here, "folder.html", ref=ref, path=path, crumbs=crumbs(path), entries=entries, latest=latest[0],
        readme=readme, text=text, branches=[branch["name"] for branch in here.every("/branches")],
    )  # fmt: skip


def _file(here: Place, ref: str, path: str) -> flask.Response:
    content = _content(here, ref, path)
    readable = len(content) <= MAX_SHOWN and b"\0" not in content[:8000]
    text = content.decode("utf-8", "replace") if readable else ""
    rendered = path.endswith(".md") and "plain" not in flask.request.args
    return show(
        here, "blob.html", ref=ref, path=path, crumbs=crumbs(path), size=len(content), readable=readable, text=text,
        rendered=rendered, folder=path.rpartition("/")[0],
        lines=highlight_lines(text, language=language_of(path)) if readable and not rendered else [],
    )  # fmt: skip


def _content(here: Place, ref: str, path: str) -> bytes:
    try:
        return here.site.forge.read_file(here.repo, ref, path)
    except KeyError as error:
        raise ApiError(404, f"{path} is not in {here.repo} at {ref}.") from error
