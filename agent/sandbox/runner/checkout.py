"""The inputs of actions/checkout -> a working tree fetched over HTTP with the job's token."""

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path

from agent.sandbox.runner.artifacts import empty
from agent.sandbox.runner.bench import Bench
from agent.sandbox.runner.commands import StepFailed

_SHA = re.compile(r"[0-9a-f]{40}")


def checkout(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    """Fetch and check out. Without `ref`, in the run's own repository, it is the run's ref at the run's commit.

    Raises StepFailed when git fails or an input cannot be.
    """
    repo, server = inputs["repository"], (inputs.get("github-server-url") or bench.url).rstrip("/")
    folder = Path(os.path.normpath(bench.workspace / inputs.get("path", "")))
    if not folder.is_relative_to(bench.workspace):
        raise StepFailed(f"actions/checkout: Repository path '{folder}' is not under '{bench.workspace}'")
    if not inputs["fetch-depth"].isdigit():
        raise StepFailed(f"actions/checkout: fetch-depth must be a number, got {inputs['fetch-depth']!r}")
    header = _header(bench, inputs["token"])
    git = _Git(bench, folder, server, header)
    git.prepare(f"{server}/{repo}.git")
    ref, sha = inputs.get("ref", ""), ""
    if not ref and repo == bench.repo:
        ref, sha = bench.variables["GITHUB_REF"], bench.variables["GITHUB_SHA"]
    ref, sha = (ref, sha) if sha else git.find(ref)
    local = _local(ref)
    depth = int(inputs["fetch-depth"])
    git.run(
        "fetch", "--no-recurse-submodules", "--prune", "--quiet",
        *([] if inputs["fetch-tags"] == "true" else ["--no-tags"]),
        *([f"--depth={depth}"] if depth else []),
        "origin",
        *([] if depth else ["+refs/heads/*:refs/remotes/origin/*"]),
        f"+{sha}:{local}" if local else sha,
    )  # fmt: skip
    branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
    git.run("checkout", "--quiet", "--force", *(["-B", branch, local] if branch else ["--detach", sha]))
    if inputs["persist-credentials"] != "false" and header:
        git.run("config", "--local", f"http.{server}/.extraheader", header)
    bench.log.write(f"Checked out {repo} {ref or sha} at {sha}")
    return {"ref": ref, "commit": sha}


def _header(bench: Bench, token: str) -> str:
    if not token:
        return ""
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    bench.log.mask(token)
    bench.log.mask(encoded)
    return f"AUTHORIZATION: basic {encoded}"


def _local(ref: str) -> str:
    if ref.startswith("refs/heads/"):
        return f"refs/remotes/origin/{ref.removeprefix('refs/heads/')}"
    if ref.startswith("refs/pull/"):
        return f"refs/remotes/pull/{ref.removeprefix('refs/pull/')}"
    return ref if ref.startswith("refs/tags/") else ""


class _Git:
    """git in one folder; the header reaches it through its environment, never its arguments."""

    def __init__(self, bench: Bench, folder: Path, server: str, header: str) -> None:
        self._bench = bench
        self._folder = folder
        config = {"safe.directory": "*", "protocol.version": "2", "gc.auto": "0", "core.hooksPath": os.devnull}
        if header:
            config[f"http.{server}/.extraheader"] = header
        pairs = enumerate(config.items())
        named = [{f"GIT_CONFIG_KEY_{n}": key, f"GIT_CONFIG_VALUE_{n}": value} for n, (key, value) in pairs]
        self._env = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": str(len(named))}
        for pair in named:
            self._env |= pair

    def prepare(self, url: str) -> None:
        """An empty repository with `url` as its origin; what stood in the folder is removed, as GitHub does."""
        if self._folder == self._bench.workspace:
            for entry in self._folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    empty(entry)
                else:
                    entry.unlink()
        else:
            empty(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self.run("init", "--quiet", "--initial-branch=main")
        self.run("remote", "add", "origin", url)

    def find(self, ref: str) -> tuple[str, str]:
        """The full name and the commit of `ref`: a commit, a branch, a tag, a full name, or "" for the default."""
        if _SHA.fullmatch(ref):
            return "", ref
        lines: list[str] = []
        names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        self.run("ls-remote", "--symref", "origin", *(names if ref else ["HEAD"]), lines=lines)
        pairs = (line.split("\t", 1) for line in lines if re.match(r"[0-9a-f]{40}\t", line))
        found = {name: sha for sha, name in pairs}
        if not ref:
            head = next((line for line in lines if line.startswith("ref: ")), "ref: refs/heads/main\tHEAD")
            return head.removeprefix("ref: ").split("\t")[0], found.get("HEAD", "")
        for name in names:
            if name in found:
                return name, found[name]
        raise StepFailed(f"actions/checkout: A branch or tag with the name '{ref}' could not be found")

    def run(self, *arguments: str, lines: list[str] | None = None) -> None:
        self._bench.log.write(f"##[command]git {' '.join(arguments) if 'extraheader' not in str(arguments) else '***'}")
        code = self._bench.run(
            ["git", *arguments],
            cwd=self._folder,
            env=self._bench.environment(self._env),
            on_line=None if lines is None else lines.append,
        )
        if code:
            raise StepFailed(f"actions/checkout: git {arguments[0]} ended with code {code}")
