"""A path on a person's disk -> what is to be examined there: texts, units, and what stood there before."""

import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import git

from agent.domain import File, Finding
from agent.errors import ToolError, UserError
from agent.gate.rules import Hit, finding
from agent.jobs.parts.workspace import texts
from agent.repo import MAX_BLOB
from agent.targets.terraform_files import HEADER, MODULES, affected, discover

HOMES = {"terraform": "infra/terraform/dev", "ansible": "infra/ansible", "kubernetes": "infra/kubernetes/dev"}
INFRA = "infra"
# What tools leave behind in a folder that no git looks after; never handed to a tool.
LEFT_OUT = frozenset({".git", ".terraform", ".terraform.lock.hcl", ".cache", "__pycache__", "node_modules"})
_OTHER_UNIT = re.compile(r"infra/(?:ansible/[a-z][a-z0-9-]*|kubernetes/[a-z][a-z0-9-]*/[a-z][a-z0-9-]*)(?=/)")
_MANIFEST = re.compile(r"^(?:apiVersion|kind):", re.MULTILINE)
_PLAY = re.compile(r"^(?:- |  )hosts:", re.MULTILINE)
_MODULE = re.compile(r'^\s*source\s*=\s*"\./', re.MULTILINE)
_MAX_FILES = 20_000


@dataclass(frozen=True)
class Folder:
    """What lies on the disk, under the paths that the pipeline would give it.

    `root` is where policies come from. `texts` maps every path to its content, `before` what stood there at the base
    (empty: not asked), `files` are those to judge (content None: deleted). `home` and `shown` turn the pipeline's path
    into the person's: `home` at its beginning becomes `shown`. `findings` are about files that are no plain text.
    `nothing` says why it is fine that there is nothing to judge; it is empty where that would be a failure.
    """

    root: Path
    texts: Mapping[str, str]
    files: tuple[File, ...]
    units: tuple[str, ...]
    before: Mapping[str, str]
    home: str = ""
    shown: str = ""
    findings: tuple[Finding, ...] = ()
    left_out: int = 0
    nothing: str = ""

    def path(self, path: str) -> str:
        """The pipeline's path as the person knows it."""
        if self.home and (path == self.home or path.startswith(f"{self.home}/")):
            return posixpath.normpath(posixpath.join(self.shown, path[len(self.home) + 1 :] or "."))
        return path


def look(path: Path, *, changed: bool = False, base: str = "") -> Folder:
    """Read what is to be examined at `path`: a checkout, a part of its `infra/`, or a folder that is one unit itself.

    In a git checkout, ignored files are not looked at. A part is judged with the units that it reaches and with all
    modules, for the tools see those as well; a file outside any `infra/` with the files beside it. With `changed`, only
    what differs from `base` is judged (a commit or a branch, whose common ancestor with HEAD counts; default: the
    default branch, else HEAD). Raises UserError: no such path, no code there, not in a checkout, no such base.
    """
    if not path.exists():
        raise UserError(f"{path}: not there; name a folder with infrastructure code, or a file in one")
    path = path.resolve()
    where = path if path.is_dir() else path.parent
    repo = _repo(where)
    root = _root(where, repo)
    if changed and (repo is None or root is None):
        raise UserError(f"{path}: not in a git checkout with infra/, so nothing can be compared; leave --changed out")
    if root is None:
        return _alone(where, repo, flat=path != where)
    part = posixpath.normpath(path.relative_to(root).as_posix())
    part = part if part == INFRA or part.startswith(f"{INFRA}/") else INFRA
    found = _Found(root)
    found.read(_listed(root, repo, INFRA))
    if repo is None or not changed:
        stands = _standing(repo, found.texts) if repo is not None else set[str]()
        named = [name for name in found.texts if _below(name, part) and name not in stands]
        parts = (part, *_units(named, found.texts), MODULES)
        judged = [name for name in found.texts if any(_below(name, one) for one in parts) and name not in stands]
        return _folder(root, found, judged if named else (), deleted=(), before={}, parts=parts)
    before = texts(repo, _base(repo, base), [INFRA])
    gone = [name for name in before if name not in found.texts and name not in found.odd]
    differ = [name for name, text in found.texts.items() if before.get(name) != text]
    return _folder(
        root, found, [name for name in differ if _below(name, part)],
        deleted=[name for name in gone if _below(name, part)], before=before, parts=(part,),
    )  # fmt: skip


def _folder(
    root: Path, found: "_Found", judged: Iterable[str], *, deleted: Iterable[str], before: Mapping[str, str],
    parts: Iterable[str],
) -> Folder:  # fmt: skip
    parts = tuple(parts)
    files = [File(path=name, content=found.texts[name]) for name in judged]
    files += [File(path=name, content=None) for name in deleted]
    return Folder(
        root=root, texts=found.texts, files=tuple(files), before=before,
        units=_units([file.path for file in files], found.texts),
        findings=tuple(item for item in found.findings if any(_below(item.path, part) for part in parts)),
        left_out=found.left_out,
    )  # fmt: skip


def _units(touched: Iterable[str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The units that hold one of the paths `touched`, or use a module that does, as far as they are still there."""
    touched = tuple(touched)
    units = set(affected(touched, {name: text for name, text in now.items() if name.startswith("infra/terraform/")}))
    units |= {match.group() for name in touched if (match := _OTHER_UNIT.match(name))}
    return tuple(sorted(unit for unit in units if any(name.startswith(f"{unit}/") for name in now)))


def _alone(where: Path, repo: git.Repo | None, *, flat: bool) -> Folder:
    """A folder outside any `infra/`: it is taken for one unit of the target that its files speak of. `flat` leaves out
    its folders, unless its code calls a module.
    """
    found = _Found(where)
    found.read(_listed(where, repo, "."), flat=flat)
    top = repo is not None and where == Path(str(repo.working_tree_dir)).resolve()
    if top and not _speaks({name: text for name, text in found.texts.items() if "/" not in name}, checkout=True):
        if code := next((name for name, text in found.texts.items() if _speaks({name: text}, checkout=True)), ""):
            raise UserError(f"{where}: no infra/ here; name the folder of a unit, such as {posixpath.dirname(code)}")
        found = _Found(where)
    elif found.texts and not _speaks(found.texts, checkout=top):
        found = _Found(where)
    if top and not found.texts and not found.findings:
        nothing = "this checkout has no infra/ and no code of a target; name the folder of a unit if it has one"
        return Folder(root=where, texts={}, files=(), units=(), before={}, nothing=nothing)
    home = f"{HOMES[_target(found.texts)]}/{_name(where)}"
    shown = os.path.relpath(where)
    laid = {f"{home}/{name}": text for name, text in found.texts.items()}
    units: tuple[str, ...] = (home,)
    if home.startswith("infra/terraform/") and not discover(laid):
        units = tuple(sorted({posixpath.dirname(name) for name in laid if name.endswith(".tf")})) or units
    renamed = [item.model_copy(update={"path": f"{home}/{item.path}"}) for item in found.findings]
    return Folder(
        root=where, texts=laid,
        files=tuple(File(path=name, content=text) for name, text in laid.items() if not text.startswith(HEADER)),
        units=units, before={}, home=home, shown="" if shown == "." else shown, findings=tuple(renamed),
        left_out=found.left_out,
    )  # fmt: skip


def modules_and_units(folder: Folder) -> list[File]:
    """Every file of the units and of the modules that they may use, for the tools."""
    return _below_any(folder.texts, (*folder.units, *((MODULES,) if not folder.home else (folder.home,))))


def stood(folder: Folder) -> list[File]:
    """The same as it stood before the change."""
    return _below_any(folder.before, (*folder.units, MODULES))


def _below_any(given: Mapping[str, str], folders: Iterable[str]) -> list[File]:
    starts = tuple(f"{folder}/" for folder in folders)
    return [File(path=path, content=text) for path, text in sorted(given.items()) if path.startswith(starts)]


class _Found:
    """Texts by their path below a root, and findings about what is no plain text."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, str] = {}
        self.odd: set[str] = set()
        self.findings: list[Finding] = []
        self.left_out = 0

    def read(self, names: Iterator[str | None], *, flat: bool = False) -> None:
        """Read what lies below the root; with `flat` only what lies in it, when no file there calls a module."""
        listed = list(names)
        beside = [name for name in listed if name is not None and "/" not in name]
        if flat:
            self.read(iter(beside))
            if any(_MODULE.search(text) for text in self.texts.values()):
                self.read(name for name in listed if name not in beside)
            return
        for name in listed:
            if name is None:
                self.left_out += 1
                continue
            text, problem = self._text(name)
            if text is not None:
                self.texts[name] = text
            elif problem is not None:
                self.odd.add(name)
                self.findings.append(finding(*problem))
            if len(self.texts) > _MAX_FILES:
                raise UserError(f"{self.root}: over {_MAX_FILES} files; name the folder of a unit")

    def _text(self, name: str) -> tuple[str | None, tuple[str, Hit] | None]:
        path = self.root / name
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return None, ("bundle/mode", Hit("a link or a special file: only plain files are written", name))
            if status.st_size > MAX_BLOB:
                return None, ("bundle/limit", Hit(f"{status.st_size} bytes; at most {MAX_BLOB} are read", name))
            return path.read_bytes().decode(), None
        except FileNotFoundError:
            return None, None  # git lists it, and it is deleted
        except UnicodeDecodeError as error:
            return None, ("bundle/encoding", Hit(f"not UTF-8, at byte {error.start}", name))
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def _repo(where: Path) -> git.Repo | None:
    try:
        repo = git.Repo(where, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return None
    return repo if repo.working_tree_dir else None


def _root(where: Path, repo: git.Repo | None) -> Path | None:
    """The folder that holds the `infra/` which `where` is, lies in, or holds."""
    for folder in (where, *where.parents):
        if (folder / INFRA).is_dir() and (folder == where or where.relative_to(folder).parts[0] == INFRA):
            return folder
        if repo is not None and folder == Path(str(repo.working_tree_dir)).resolve():
            return folder if (folder / INFRA).is_dir() and where == folder else None
    return None


def _listed(root: Path, repo: git.Repo | None, part: str) -> Iterator[str | None]:
    """Paths below `root`, relative to it; None for each that is left out."""
    if repo is not None:
        answer = repo.git.execute(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", part],
            kill_after_timeout=60, strip_newline_in_stdout=True,
        )  # fmt: skip
        for name in sorted({name for name in str(answer).split("\0") if name}):
            yield None if part == "." and LEFT_OUT.intersection(name.split("/")) else name
        return
    for folder, inside, names in os.walk(root / part):
        for name in [name for name in inside if name in LEFT_OUT]:
            inside.remove(name)
            yield None
        inside.sort()
        links = [name for name in inside if (Path(folder) / name).is_symlink()]
        for name in sorted((*names, *links)):
            left = name in LEFT_OUT or ".tfstate" in name
            yield None if left else (Path(folder) / name).relative_to(root).as_posix()


def _standing(repo: git.Repo, now: Mapping[str, str]) -> set[str]:
    """Files that the pipeline alone writes and that stand in HEAD as they are: not this person's change."""
    try:
        names = [name for name in now if name.endswith(("/terraform.tf", "/.terraform.lock.hcl"))]
        committed = texts(repo, repo.head.commit.hexsha, names) if names else {}
    except (ValueError, ToolError):
        return set()  # no commit yet
    return {name for name, text in committed.items() if now[name] == text}


def _base(repo: git.Repo, base: str) -> str:
    """The commit to compare with: the common ancestor of HEAD and `base`."""
    wanted = [base] if base else ["origin/HEAD", "origin/main", "main", "master", "HEAD"]
    for name in wanted:
        try:
            commit = repo.commit(name)
            common = repo.merge_base(commit, repo.head.commit)
        except (ValueError, git.BadName, git.GitCommandError, IndexError):
            continue
        return (common[0] if common else commit).hexsha
    raise UserError(f"{base or 'HEAD'}: no such commit or branch here; fetch it, or name another with --base")


def _speaks(found: Mapping[str, str], *, checkout: bool) -> bool:
    """Whether one of the files is code of a target. In a whole `checkout` not every YAML file is."""
    return any(
        name.endswith((".tf", ".tf.json"))
        or posixpath.basename(name) in {"Chart.yaml", "kustomization.yaml"}
        or (name.endswith((".yaml", ".yml")) and (not checkout or _MANIFEST.search(text) or _PLAY.search(text)))
        for name, text in found.items()
    )


def _target(found: Mapping[str, str]) -> str:
    if any(name.endswith(".tf") for name in found):
        return "terraform"
    manifests = any(name.endswith((".yaml", ".yml")) and _MANIFEST.search(text) for name, text in found.items())
    charts = any(posixpath.basename(name) in {"Chart.yaml", "kustomization.yaml"} for name in found)
    return "kubernetes" if manifests or charts else "ansible"


def _name(where: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", where.name.lower()).strip("-0123456789")[:32].strip("-") or "unit"


def _below(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}/")
