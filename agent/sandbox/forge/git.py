"""A bare repository and a question or a change in, git's answer out."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SECONDS_A_CALL = 60
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
ZERO = "0" * 40
CONFIG = """
[http]
    receivepack = true
[uploadpack]
    allowAnySHA1InWant = true
    allowFilter = true
[receive]
    hideRefs = refs/pull
[core]
    logAllRefUpdates = false
[gc]
    auto = 0
"""


class GitError(Exception):
    """git refused; the text is what it printed on standard error."""


@dataclass(frozen=True)
class Person:
    """Who made a commit and when; `date` is ISO 8601 with an offset."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class Tag:
    """An annotated tag; `target` is what it points at, of the `kind` commit, tree or blob."""

    sha: str
    name: str
    target: str
    kind: str
    tagger: Person
    message: str


@dataclass(frozen=True)
class Entry:
    """One line of a tree; `size` is None for anything but a blob."""

    mode: str
    kind: str
    sha: str
    path: str
    size: int | None


def environment() -> dict[str, str]:
    """What a git child may see: no configuration of the machine or the person."""
    program = Path(shutil.which("git") or "git").parent
    return {
        "PATH": os.pathsep.join((str(program), os.defpath)),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


def raw(
    repo: Path, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None, ok: Iterable[int] = (0,)
) -> tuple[int, bytes]:
    """Run git in the bare repository: exit code and output. Raises GitError for a code that is not in `ok`."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=repo,
        input=data,
        capture_output=True,
        env={**environment(), **(env or {})},
        timeout=SECONDS_A_CALL,
        check=False,
    )
    if done.returncode not in tuple(ok):
        raise GitError(done.stderr.decode("utf-8", "replace").strip() or f"git {arguments[0]}: {done.returncode}")
    return done.returncode, done.stdout


def git(repo: Path, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> str:
    """Run git and return its output as text without the last line end."""
    return raw(repo, *arguments, data=data, env=env)[1].decode("utf-8", "replace").rstrip("\n")


def init(repo: Path, default_branch: str) -> None:
    repo.mkdir(parents=True, exist_ok=True)
    git(repo, "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", ".")
    with (repo / "config").open("a") as config:
        config.write(CONFIG)


def resolve(repo: Path, revision: str, kind: str = "commit") -> str | None:
    """Full SHA of a branch, tag, ref or commit, or None. A name that looks like an option is no revision."""
    if not revision or revision.startswith("-") or any(part in revision for part in ("\0", "\n", "@{", "..", ":", "^")):
        return None
    for candidate in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
        found = ref(repo, f"{candidate}^{{{kind}}}")
        if found:
            return found
    return None


def refs(repo: Path, prefix: str = "refs/") -> dict[str, str]:
    """Ref name -> SHA of what it points at, sorted by name."""
    answer = git(repo, "for-each-ref", "--format=%(refname) %(objectname)", prefix.rstrip("/") or "refs")
    return dict(line.split(" ", 1) for line in answer.splitlines())


def ref(repo: Path, name: str) -> str | None:
    """What exactly this ref points at (no abbreviation), or None."""
    code, out = raw(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", name, ok=(0, 1, 128))
    return out.decode().strip() if code == 0 else None


def bring(repo: Path, sha: str, *, source: Path) -> None:
    """Copy a commit with all it hangs on from another repository. Raises GitError when it is not there."""
    git(repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(source), sha)


def update_ref(repo: Path, name: str, new: str, old: str) -> None:
    """Move (or make, or with `new` ZERO delete) a ref if it still stands on `old`. Raises GitError when it does not."""
    if new == ZERO:
        git(repo, "update-ref", "--no-deref", "-d", name, old)
    else:
        git(repo, "update-ref", "--no-deref", name, new, old)


def is_ref_name(name: str) -> bool:
    return name.startswith("refs/") and name.count("/") >= 2 and _check_ref_format(name)


def _check_ref_format(name: str) -> bool:
    try:
        return raw(Path("/"), "check-ref-format", name, ok=(0, 1))[0] == 0
    except ValueError:  # an embedded zero byte
        return False


def kind_of(repo: Path, sha: str) -> str | None:
    code, out = raw(repo, "cat-file", "-t", sha, ok=(0, 1, 128))
    return out.decode().strip() if code == 0 else None


def blob(repo: Path, sha: str) -> bytes:
    return raw(repo, "cat-file", "blob", sha)[1]


def write_blob(repo: Path, content: bytes) -> str:
    return git(repo, "hash-object", "-w", "--stdin", data=content)


def commit(repo: Path, sha: str) -> Commit:
    """Raises GitError when `sha` is not a commit here."""
    return commits(repo, "--no-walk=unsorted", sha)[0]


def commits(repo: Path, *selection: str) -> list[Commit]:
    """The commits that `git log` would show for `selection`, in its order."""
    fields = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x01"
    answer = raw(repo, "log", f"--format={fields}", *selection)[1].decode("utf-8", "replace")
    found = []
    for record in answer.split("\0\x01\n"):
        if record:
            sha, tree, parents, an, ae, ad, cn, ce, cd, message = record.rstrip("\x01\n").split("\0")[:10]
            found.append(
                Commit(sha, tree, tuple(parents.split()), Person(an, ae, ad), Person(cn, ce, cd), message.rstrip("\n"))
            )
    return found


def entries(repo: Path, tree: str, path: str = "", *, recursive: bool = False) -> list[Entry]:
    """What `tree` (any tree-ish) holds at `path`: the folder's entries, or the one file itself."""
    flags = ("-r", "-t") if recursive else ()
    where = ("--", path) if path else ()
    answer = raw(repo, "ls-tree", "-z", "--long", "--full-tree", *flags, tree, *where)[1]
    found = []
    for line in answer.decode("utf-8", "replace").split("\0"):
        if line:
            info, name = line.split("\t", 1)
            mode, kind, sha, size = info.split()
            found.append(Entry(mode, kind, sha, name, int(size) if size.isdigit() else None))
    return found


def entry(repo: Path, tree: str, path: str) -> Entry | None:
    found = entries(repo, tree, path)
    return found[0] if len(found) == 1 and found[0].path == path else None


def write_tree(repo: Path, changes: Iterable[tuple[str, str, str | None]], *, base: str | None, index: Path) -> str:
    """A tree made of `base` plus (mode, path, sha) entries, sha None to delete. `index` is a scratch file's path."""
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        git(repo, "read-tree", *((base,) if base else ("--empty",)), env=env)
        lines = b"".join(
            (f"{mode} {sha}\t{path}" if sha else f"0 {ZERO}\t{path}").encode() + b"\0" for mode, path, sha in changes
        )
        git(repo, "update-index", "-z", "--index-info", data=lines, env=env)
        return git(repo, "write-tree", env=env)
    finally:
        index.unlink(missing_ok=True)


def write_commit(
    repo: Path, *, tree: str, parents: Iterable[str], author: Person, committer: Person, message: str
) -> str:
    flags = [part for parent in parents for part in ("-p", parent)]
    env = {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_AUTHOR_DATE": author.date,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
        "GIT_COMMITTER_DATE": committer.date,
    }
    return git(repo, "commit-tree", tree, *flags, "-F", "-", data=message.encode(), env=env)


def first_commit(repo: Path, files: Iterable[tuple[str, int, bytes]], *, branch: str, author: Person) -> None:
    """Commit `files` (path, mode, content) to the new branch of an empty repository, as one pack: clients that fetch it
    get it as it lies there, where loose objects would be packed anew for each of them.
    """
    moment = datetime.fromisoformat(author.date)
    who = f"{author.name} <{author.email}> {int(moment.timestamp())} {moment:%z}"
    message = b"Initial commit\n"
    parts = [f"commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode(), message]
    for path, mode, content in files:
        quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        parts += [f'M {mode:o} inline "{quoted}"\ndata {len(content)}\n'.encode(), content, b"\n"]
    git(repo, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--done", data=b"".join([*parts, b"done\n"]))


def write_tag(repo: Path, *, name: str, target: str, kind: str, tagger: Person, message: str) -> str:
    """SHA of a new annotated tag object."""
    moment = int(datetime.fromisoformat(tagger.date).timestamp())
    head = f"object {target}\ntype {kind}\ntag {name}\ntagger {tagger.name} <{tagger.email}> {moment} +0000\n\n"
    return git(repo, "mktag", data=(head + message.rstrip("\n") + "\n").encode())


def tag(repo: Path, sha: str) -> Tag:
    """The annotated tag object `sha`."""
    head, _, message = raw(repo, "cat-file", "tag", sha)[1].decode("utf-8", "replace").partition("\n\n")
    fields = dict(line.split(" ", 1) for line in head.splitlines())
    who, _, rest = fields["tagger"].rpartition("> ")
    name, _, mail = who.partition(" <")
    date = datetime.fromtimestamp(int(rest.split()[0]), UTC).isoformat()
    return Tag(sha, fields["tag"], fields["object"], fields["type"], Person(name, mail, date), message.rstrip("\n"))


def merge_base(repo: Path, one: str, other: str) -> str | None:
    code, out = raw(repo, "merge-base", one, other, ok=(0, 1))
    return out.decode().split()[0] if code == 0 else None


def is_ancestor(repo: Path, older: str, newer: str) -> bool:
    return raw(repo, "merge-base", "--is-ancestor", older, newer, ok=(0, 1))[0] == 0


def merge_tree(repo: Path, base: str, head: str) -> str | None:
    """The tree of merging `head` into `base`, or None on a conflict."""
    code, out = raw(repo, "merge-tree", "--write-tree", "--allow-unrelated-histories", base, head, ok=(0, 1))
    return out.decode().split()[0] if code == 0 else None


def date(moment: datetime) -> str:
    return moment.astimezone().isoformat(timespec="seconds")
