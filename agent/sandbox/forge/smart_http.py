"""git over HTTP in, `git http-backend` on the bare repository out; after a push the forge hears what moved."""

import os
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import flask

from agent.sandbox.forge import git
from agent.sandbox.forge.access import may
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.forge.http import current_actor
from agent.sandbox.forge.moved import Move, moved
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

SERVICES = ("git-upload-pack", "git-receive-pack")
CHUNK = 65_536
SECONDS_A_CALL = 120


def smart_http(forge: "Forge") -> flask.Blueprint:
    """/{owner}/{repo}.git/info/refs, git-upload-pack and git-receive-pack."""
    made = flask.Blueprint("git", __name__)

    @made.get("/<owner>/<repo>.git/info/refs")
    @made.get("/<owner>/<repo>/info/refs", endpoint="info_refs_without_suffix")
    def info_refs(owner: str, repo: str) -> flask.Response:
        service = flask.request.args.get("service", "")
        if service not in SERVICES:
            return flask.Response("Please upgrade your git client.\n", status=403, mimetype="text/plain")
        return _serve(forge, owner, repo, service, "info/refs")

    @made.post("/<owner>/<repo>.git/<any('git-upload-pack','git-receive-pack'):service>")
    @made.post("/<owner>/<repo>/<any('git-upload-pack','git-receive-pack'):service>", endpoint="rpc_without_suffix")
    def rpc(owner: str, repo: str, service: str) -> flask.Response:
        return _serve(forge, owner, repo, service, service)

    return made


def _serve(forge: "Forge", owner: str, name: str, service: str, path: str) -> flask.Response:
    found = forge.repository_row(f"{owner}/{name}")
    try:
        actor = current_actor(forge)
    except ApiError:
        return _ask("Invalid username or token.")
    refusal = _refusal(forge, found, actor, service)
    if refusal is not None:
        return refusal
    assert found is not None
    env = _environment(forge, found, actor, path)
    with _request_body() as body:
        if path == "git-receive-pack":
            assert actor is not None
            return _push(forge, found, actor, env, body)
        return _stream(env, body)


def _refusal(forge: "Forge", repo: Row | None, actor: Actor | None, service: str) -> flask.Response | None:
    if repo is None:
        return _ask("Repository not found.") if actor is None else _text("Repository not found.", 404)
    if service == "git-receive-pack":
        if actor is None:
            return _ask("No anonymous write access.")
        if not may(forge.db, repo, actor, role="write", needs=("contents:write",)):
            return _text(f"Permission to {repo['owner']}/{repo['name']}.git denied to {actor.login}.", 403)
    elif actor is not None and actor.limited and not actor.covers(repo):
        return None  # what a job's token is not for, it reads like anybody: the repositories are public
    elif actor is not None and not may(forge.db, repo, actor, role="read", needs=("contents:read",)):
        return _text("Repository not found.", 404)
    return None


def _ask(text: str) -> flask.Response:
    made = _text(text, 401)
    made.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
    return made


def _text(text: str, status: int) -> flask.Response:
    return flask.Response(text + "\n", status=status, mimetype="text/plain")


def _environment(forge: "Forge", repo: Row, actor: Actor | None, path: str) -> dict[str, str]:
    where = forge.git_dir(repo)
    request = flask.request
    env = {
        **git.environment(),
        "GIT_PROJECT_ROOT": str(where.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{where.name}/{path}",
        "QUERY_STRING": request.query_string.decode("latin-1"),
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "REMOTE_USER": actor.login if actor else "",
        "REMOTE_ADDR": "127.0.0.1",
    }
    if request.headers.get("Git-Protocol"):
        env["GIT_PROTOCOL"] = request.headers["Git-Protocol"]
    if actor is not None and actor.limited and not actor.granted("workflows:write"):
        env["FORGE_NO_WORKFLOWS"] = "1"
    return env


def _request_body() -> IO[bytes]:
    """The whole body, unpacked, in an unnamed file that is at its start."""
    body = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    unpacker = None
    if flask.request.headers.get("Content-Encoding") in ("gzip", "x-gzip"):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while chunk := flask.request.stream.read(CHUNK):
        body.write(unpacker.decompress(chunk) if unpacker else chunk)
    if unpacker:
        body.write(unpacker.flush())
    body.seek(0)
    return body


def _start(env: Mapping[str, str], body: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        ["git", "http-backend"],
        stdin=body,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**env, "CONTENT_LENGTH": str(os.fstat(body.fileno()).st_size)},
        cwd=Path(env["GIT_PROJECT_ROOT"]),
    )


def _head(output: IO[bytes]) -> tuple[int, dict[str, str]]:
    """Status and headers of the CGI answer."""
    status, headers = 200, {}
    while line := output.readline().rstrip(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(": ")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value
    return status, headers


def _stream(env: Mapping[str, str], body: IO[bytes]) -> flask.Response:
    process = _start(env, body)
    assert process.stdout is not None
    output = process.stdout
    status, headers = _head(output)

    def chunks() -> Iterator[bytes]:
        try:
            while chunk := output.read1(CHUNK):  # type: ignore[attr-defined]  # a pipe is buffered
                yield chunk
        finally:
            _end(process)

    return flask.Response(chunks(), status=status, headers=headers, direct_passthrough=True)


def _push(forge: "Forge", repo: Row, actor: Actor, env: Mapping[str, str], body: IO[bytes]) -> flask.Response:
    """Receive the push while nobody else writes, then tell the forge which refs moved."""
    where = forge.git_dir(repo)
    with forge.db.write():
        before = git.refs(where)
        process = _start(env, body)
        assert process.stdout is not None
        try:
            status, headers = _head(process.stdout)
            answer = process.stdout.read()
        finally:
            _end(process)
        after = git.refs(where)
        moves = [
            Move(name, before.get(name, git.ZERO), after.get(name, git.ZERO))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]
        moved(forge, forge.fresh(repo), actor, moves)
    return flask.Response(answer, status=status, headers=headers)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdout is not None:
        with suppress(BrokenPipeError):
            process.stdout.close()
    try:
        process.wait(timeout=SECONDS_A_CALL)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
