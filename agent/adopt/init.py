"""Choices and a checkout -> the files that make infra-agent run there, shown or written, and what is left to do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import git

from agent.adopt import checklist, surroundings, writing
from agent.adopt.checklist import ACTIONS_APP
from agent.adopt.install import RESERVED, WORKFLOWS, Choices, installed, pinned
from agent.adopt.own_app import is_with_app
from agent.adopt.program import CHECKOUT, Program, find_program, holds, shipped_files
from agent.adopt.roles import GITHUB, Account, logins
from agent.adopt.writing import Item
from agent.errors import UserError
from agent.settings import SETTINGS_PATH, Settings, parse

_MOST_IN_FOLDER = 8
_UNKNOWN = (
    "What was installed is not known: the workflows pin the commit {old}, which {checkout} has not. Run `git fetch` "
    "there and this again; until then every file that differs counts as changed by you."
)
NOBODY = "OWNER/NAME"


@dataclass(frozen=True)
class Options:
    """What a person said. Empty: found out from the checkout, or as it is shipped. `app` is the id of a GitHub App."""

    path: Path
    repository: str = ""
    program: str = ""
    program_ref: str = ""
    branch: str = ""
    region: str = ""
    bucket: str = ""
    subject: str = ""
    server: str = GITHUB
    app: int = 0


@dataclass(frozen=True)
class Prepared:
    """What `init` would do: `items` are all its files, `notes` what people should know, `settings` the checklist."""

    root: Path
    repository: str
    program: Program
    branch: str
    items: tuple[Item, ...]
    notes: tuple[str, ...]
    settings: str
    request_label: str

    @property
    def new(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.state == "new")

    @property
    def behind(self) -> tuple[Item, ...]:
        """Files that stand there and lack something: they are shown and never touched."""
        return tuple(item for item in self.items if item.state == "kept" and item.diff)

    @property
    def edited(self) -> tuple[Item, ...]:
        """Files that people changed since they were installed."""
        return tuple(item for item in self.items if item.edited)

    def patch(self, *, revert: Sequence[str] = ()) -> str:
        """What brings the files up to date, for `git apply`; people's edits stay, except those of the paths in
        `revert`. Raises UserError for a path in it that nobody edited.
        """
        if unknown := sorted(set(revert) - {item.path for item in self.edited}):
            edited = ", ".join(item.path for item in self.edited) or "no file"
            raise UserError(f"--revert {unknown[0]}: is no shipped file that you changed; you changed {edited}")
        return "".join(item.patch(revert=item.path in revert) for item in self.items)


def prepare(options: Options, *, checkout: Path = CHECKOUT) -> Prepared:
    """Look, compare, write nothing. `checkout` is the program's own. Raises UserError with what has to be mended."""
    repo = surroundings.open_target(options.path)
    root = Path(str(repo.working_tree_dir))
    program = find_program(checkout, ref=options.program_ref, repository=options.program)
    standing = _workflows(root, shipped_files(checkout, program.commit))
    had_app = any(is_with_app(text) for text in standing)
    before_choices = Choices(options.branch or _branch(repo), options.region, options.bucket, had_app)
    choices = replace(before_choices, app=had_app or bool(options.app))
    files = installed(shipped_files(checkout, program.commit), program, choices)
    if taken := surroundings.taken(root, files):
        raise UserError(
            f"{', '.join(taken)}: a workflow of your own has this name, and infra-agent's own has to have it. Nothing "
            "was written. Rename yours (its `name:` may stay), then run this again"
        )
    paths = surroundings.tracked(repo)
    if mixed := surroundings.in_the_way(paths):
        raise UserError(
            f"{mixed[0]}: the pipeline's jobs put their own files there, and the two would be mixed up. Nothing was "
            f"written. Rename that folder of yours ({', '.join(RESERVED)} are taken), then run this again"
        )
    old = next((made for text in standing if (made := pinned(text)) is not None), None)
    known = old is not None and holds(checkout, old.commit)
    before = installed(shipped_files(checkout, old.commit), old, before_choices) if old and known else {}
    items = writing.compare(root, files, before=before)
    settings = _settings(items)
    environments = tuple(settings.environments)
    first = next(iter(settings.environments.values()))
    account = Account(
        repository=options.repository or surroundings.name_of(repo) or NOBODY,
        bucket=first.state.bucket,
        branch=choices.branch,
        subject=options.subject,
        server=options.server,
    )
    return Prepared(
        root=root,
        repository=account.repository,
        program=program,
        branch=choices.branch,
        items=items,
        notes=(
            *surroundings.notes(root, paths, files, environments),
            *([_UNKNOWN.format(old=old.commit[:7], checkout=checkout)] if old and not known else []),
        ),
        settings=checklist.checklist(
            account,
            logins(files, account),
            region=first.state.region,
            request_label=settings.request_label,
            environments=environments,
            app=(options.app or None) if choices.app else ACTIONS_APP,
        ),
        request_label=settings.request_label,
    )


def preview(prepared: Prepared, *, diff: bool = False) -> str:
    """What would be written, as a list, or as unified diffs with `diff`; then what stands there and what it lacks."""
    parts = [f"{prepared.root}: infra-agent from {prepared.program.repository} at {prepared.program.commit}\n"]
    if prepared.new:
        parts += (
            [item.diff for item in prepared.new]
            if diff
            else ["\nNew files (`--diff` shows them in full):\n", *_listed(prepared.new)]
        )
    for item in prepared.behind:
        parts.append(f"\n{item.path}: {_standing(item)}\n{item.diff}")
    parts += [f"\n{note}\n" for note in prepared.notes]
    return "".join(parts) + "\n" + summary(prepared)


def _listed(items: Sequence[Item]) -> Iterator[str]:
    """A line for each file; a folder of many is one line."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault("/".join(item.path.split("/")[:2]), []).append(item)
    for folder, found in groups.items():
        if len(found) > _MOST_IN_FOLDER:
            total = sum(item.lines for item in found)
            yield f"  {folder}/: {len(found)} files, {total:,} lines\n"
        else:
            yield from (f"  {item.path}: {item.lines:,} {'line' if item.lines == 1 else 'lines'}\n" for item in found)


def _standing(item: Item) -> str:
    if not item.edited:
        return "is as it was installed; an upgrade changes it like this."
    if item.before is None:
        return "changed by you, or of your own; it is kept as it is. The shipped one differs like this."
    return "changed by you; it is kept as it is. The shipped one changed like this since it was installed."


def summary(prepared: Prepared) -> str:
    """Counts in a line, and what to do about files that are behind."""
    kept = [item for item in prepared.items if item.state == "kept"]
    same = len(prepared.items) - len(prepared.new) - len(kept)
    new, mine = len(prepared.new), len(prepared.edited)
    text = f"{new} files to write, {same} up to date, {len(kept) - mine} to upgrade, {mine} changed by you (kept)\n"
    if prepared.edited:
        text += f"Changed by you: {', '.join(item.path for item in prepared.edited)}\n"
    if prepared.patch():
        text += "Never overwritten. What the shipped files changed, without touching your own edits:\n"
        text += "  infra-agent init --patch upgrade.patch && git apply upgrade.patch\n"
    if prepared.edited:
        text += "`--patch FILE --revert PATH` takes your own edits of that file back, too.\n"
    return text


def write(prepared: Prepared) -> str:
    """Write everything that is new, or nothing; says what was done. Raises ToolError."""
    done = writing.write_all(prepared.root, prepared.items)
    if not done:
        return "Nothing was written: everything is there already.\n"
    return f"{len(done)} files written to {prepared.root}. Look at them, commit them and open a pull request.\n"


def _workflows(root: Path, files: Iterable[str]) -> list[str]:
    """The texts of those workflows that stand there already, in the order of their names."""
    places = (root / path for path in sorted(files) if path.startswith(WORKFLOWS))
    return [place.read_text(encoding="utf-8", errors="replace") for place in places if place.is_file()]


def _settings(items: Sequence[Item]) -> Settings:
    """The settings as they will stand there."""
    item = next(item for item in items if item.path == SETTINGS_PATH)
    return parse(Settings, item.there if item.state == "kept" else item.text, SETTINGS_PATH)


def _branch(repo: git.Repo) -> str:
    """The default branch, as far as the checkout knows it."""
    for remote in repo.remotes:
        if remote.name == "origin":
            for ref in remote.refs:
                if ref.remote_head == "HEAD":
                    return str(ref.reference.remote_head)
    names = {head.name for head in repo.heads}
    for name in ("main", "master"):
        if name in names:
            return name
    return repo.active_branch.name if not repo.head.is_detached else "main"
