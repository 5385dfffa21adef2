"""git through GitPython: what a commit holds, a new commit on a branch, a push that never overwrites."""

import base64
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import git

from agent.domain import File
from agent.errors import ToolError, UserError

AUTHOR = "infra-agent"
EMAIL = "infra-agent@users.noreply.github.com"
MAX_BLOB = 5_000_000
SECONDS_A_CALL = 120
REGULAR = "100644"


@dataclass(frozen=True)
class Remote:
    """Where to fetch from and push to. `token` travels in git's environment, never in an argument or a file."""

    url: str
    token: str


@dataclass(frozen=True)
class Entry:
    """One line of a tree: `mode` as git writes it, `sha` of the blob, `path` from the root, `size` in bytes."""

    mode: str
    sha: str
    path: str
    size: int


def open_repo(folder: Path) -> git.Repo:
    """The checkout at `folder`. Raises UserError when it is none."""
    try:
        return git.Repo(folder)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise UserError(f"{folder}: not a git checkout; run the job in one") from error


def head(repo: git.Repo) -> str:
    """The commit that the checkout stands on, 40 hex digits."""
    return _git(repo, "rev-parse", "HEAD")


def remote_head(repo: git.Repo, remote: Remote, branch: str) -> str | None:
    """The commit that `branch` has on the remote now, or None."""
    name = f"refs/heads/{branch}"
    answer = _git(repo, "ls-remote", remote.url, name, token=remote.token)
    # git takes the name for the end of a ref's: whoever may push could make another one that is listed first
    return next((line[:40] for line in answer.splitlines() if line[41:] == name), None)


def fetch(repo: git.Repo, remote: Remote, commit: str, *, depth: int = 1) -> None:
    """Make `commit` readable here; nothing is checked out."""
    try:
        _git(repo, "cat-file", "-e", f"{commit}^{{tree}}")
    except ToolError:
        _git(repo, "fetch", "--quiet", "--no-tags", f"--depth={depth}", remote.url, commit, token=remote.token)


def fetch_all(repo: git.Repo, remote: Remote, commits: Iterable[str]) -> None:
    """Make all of `commits` readable here with one exchange."""
    if wanted := sorted(set(commits)):
        _git(repo, "fetch", "--quiet", "--no-tags", "--depth=1", remote.url, *wanted, token=remote.token)


def entries(repo: git.Repo, commit: str, folders: Iterable[str]) -> Iterator[Entry]:
    """Every file of `commit` below `folders`, links and submodules included."""
    answer = _git(repo, "ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--", *folders)
    for line in answer.split("\0"):
        if line:
            info, path = line.split("\t", 1)
            mode, _, sha, size = info.split()
            yield Entry(mode, sha, path, int(size) if size.isdigit() else 0)


def tree(repo: git.Repo, commit: str, folder: str) -> str:
    """Hash of the tree (or blob) at `folder` in `commit`, 40 hex digits; empty when it has none."""
    answer = _git(repo, "ls-tree", "--full-tree", commit, "--", folder.rstrip("/"))
    return answer.split()[2] if answer else ""


def read(repo: git.Repo, commit: str, path: str) -> bytes | None:
    """Content of one plain file of `commit`, or None when it has none there."""
    for entry in entries(repo, commit, [path]):
        if entry.path == path and entry.mode.startswith("100"):
            return blob(repo, entry)
    return None


def message(repo: git.Repo, commit: str) -> str:
    """The message of one commit."""
    return _git(repo, "show", "--no-patch", "--format=%B", commit)


def export(repo: git.Repo, commit: str, folders: Iterable[str], *, into: Path) -> tuple[str, ...]:
    """Write the plain files of `commit` below `folders` into `into`; returns their paths.

    Raises UserError for a link, a submodule, an executable or a file over 5 MB: none of these may reach a tool.
    """
    written = []
    for entry in entries(repo, commit, folders):
        if entry.mode != REGULAR:
            raise UserError(f"{entry.path}: mode {entry.mode} is not that of a plain file; remove it")
        target = into / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(blob(repo, entry))
        written.append(entry.path)
    return tuple(written)


def changed(repo: git.Repo, base: str, commit: str) -> tuple[str, ...]:
    """Paths that differ between the two commits; a renamed file counts under both names."""
    answer = _git(repo, "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, commit)
    return tuple(path for path in answer.split("\0") if path)


def merge_base(repo: git.Repo, remote: Remote, base: str, commit: str) -> str:
    """The commit at which `commit` left the history of `base`; history is fetched as far as that needs."""
    for depth in (50, 500, 5000):
        for one in (base, commit):
            _git(repo, "fetch", "--quiet", "--no-tags", f"--depth={depth}", remote.url, one, token=remote.token)
        try:
            return _git(repo, "merge-base", base, commit)
        except ToolError:
            continue
    raise UserError(f"{commit[:7]} and {base[:7]} have no common history of 5000 commits; rebase the branch")


def history(repo: git.Repo, base: str, commit: str) -> tuple[tuple[str, str], ...]:
    """(commit, author's address) of what `commit` has over `base`, newest first. A name in git proves nothing."""
    answer = _git(repo, "log", "--format=%H %ae", f"{base}..{commit}")
    return tuple((line[:40], line[41:]) for line in answer.splitlines())


def messages(repo: git.Repo, base: str, commit: str) -> tuple[str, ...]:
    """The messages of the commits that `commit` has over `base`, newest first."""
    answer = _git(repo, "log", "-z", "--format=%B", f"{base}..{commit}")
    return tuple(text for text in answer.split("\0") if text)


def messages_with(repo: git.Repo, commit: str, *, holding: str, most: int) -> tuple[tuple[str, datetime, str], ...]:
    """(commit, time, message) of the newest `most` commits up to `commit` whose message holds the text `holding`."""
    sought = ("--fixed-strings", f"--grep={holding}")
    answer = _git(repo, "log", f"--max-count={most}", *sought, "--format=%H%x00%cI%x00%B%x01", commit)
    found = []
    for record in answer.split("\x01"):
        if record.strip():
            name, when, text = record.lstrip("\n").split("\0", 2)
            found.append((name, datetime.fromisoformat(when), text))
    return tuple(found)


def parents(repo: git.Repo, commit: str) -> tuple[str, ...]:
    """The parents of `commit` as far as its history was fetched; the first is the branch that it was made on."""
    return tuple(_git(repo, "rev-list", "--parents", "--max-count=1", commit).split()[1:])


def log_of(repo: git.Repo, base: str, commit: str, paths: Collection[str]) -> tuple[str, ...]:
    """The commits between `base` and `commit` that changed one of `paths` on the branch itself, newest first."""
    answer = _git(repo, "log", "--first-parent", "--format=%H", f"{base}..{commit}", "--", *paths)
    return tuple(answer.splitlines())


def commit_files(
    repo: git.Repo, parent: str, files: Collection[File], *, message: str, when: datetime, root: str | None = None
) -> str:
    """A commit on top of `parent` that writes and deletes `files`; `parent` itself when nothing would change.

    Nothing is checked out and the checkout's index stays as it is. `root`, when given, is the commit whose tree the
    files are laid on.
    """
    with tempfile.TemporaryDirectory(prefix="infra-agent-index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        _git(repo, "read-tree", root or parent, env=index)
        for file in files:
            if file.content is None:
                _git(repo, "update-index", "--force-remove", "--", file.path, env=index)
            else:
                stored = _store(repo, Path(folder, "blob"), file.content)
                _git(repo, "update-index", "--add", "--cacheinfo", f"{REGULAR},{stored},{file.path}", env=index)
        new = _git(repo, "write-tree", env=index)
    if new == _git(repo, "rev-parse", f"{parent}^{{tree}}"):
        return parent
    stamp = f"{int(when.timestamp())} +0000"
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", AUTHOR), ("EMAIL", EMAIL), ("DATE", stamp))
    }
    return _git(repo, "commit-tree", new, "-p", parent, "-m", message, env=who)


def push(repo: git.Repo, remote: Remote, *, commit: str, branch: str, expected: str | None) -> None:
    """Push `commit` to `branch`, which must still stand at `expected` (None: must not exist).

    Raises ToolError when it moved meanwhile or the push is refused; nothing is ever overwritten.
    """
    lease = f"--force-with-lease=refs/heads/{branch}:{expected or ''}"
    try:
        _git(repo, "push", "--quiet", lease, remote.url, f"{commit}:refs/heads/{branch}", token=remote.token)
    except ToolError as error:
        stands = remote_head(repo, remote, branch)
        if stands == commit:
            return
        if stands != expected:
            raise ToolError(
                f"the branch {branch} moved while the agent worked (expected {_short(expected)}, is "
                f"{_short(stands)}); nothing was written. Comment `/agent revise` to go on from what is there",
                log=error.log,
            ) from error
        raise


def _store(repo: git.Repo, scratch: Path, content: str) -> str:
    scratch.write_bytes(content.encode())
    return _git(repo, "hash-object", "-w", "--no-filters", str(scratch))


def blob(repo: git.Repo, entry: Entry) -> bytes:
    """Content of a file that `entries` named. Raises UserError for one over 5 MB."""
    if entry.size > MAX_BLOB:
        raise UserError(f"{entry.path}: {entry.size} bytes, at most {MAX_BLOB} are read")
    return bytes(repo.odb.stream(bytes.fromhex(entry.sha)).read())


def _short(commit: str | None) -> str:
    return commit[:7] if commit else "not there"


def _git(repo: git.Repo, *arguments: str, token: str = "", env: dict[str, str] | None = None) -> str:
    environment = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **(env or {})}
    if token:
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
    try:
        answer = repo.git.execute(
            ["git", *arguments],
            env=environment,
            kill_after_timeout=SECONDS_A_CALL,
            strip_newline_in_stdout=True,
        )
    except git.GitCommandError as error:
        log = str(error.stderr)
        raise ToolError(f"git {arguments[0]}: {_reason(log)}", log=log) from error
    return str(answer)


def _reason(log: str) -> str:
    lines = [line.strip() for line in log.replace("stderr:", "").splitlines() if line.strip(" '\n")]
    return lines[-1].strip("' ") if lines else "no message"
