"""Choices and a checkout -> the files that make infra-agent run there, shown or written, and what is left to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import git

from agent.adopt import checklist, surroundings, writing
from agent.adopt.install import RESERVED, WORKFLOWS, Choices, installed, pinned
from agent.adopt.program import CHECKOUT, Program, find_program, holds, shipped_files
from agent.adopt.roles import GITHUB, Account, logins
from agent.adopt.writing import Item
from agent.errors import UserError
from agent.settings import SETTINGS_PATH, Settings, parse

SCHEMAS = "policies/schemas/"
NOBODY = "OWNER/NAME"


@dataclass(frozen=True)
class Options:
    """What a person said. Empty: found out from the checkout, or as it is shipped."""

    path: Path
    repository: str = ""
    program: str = ""
    program_ref: str = ""
    branch: str = ""
    region: str = ""
    bucket: str = ""
    subject: str = ""
    server: str = GITHUB


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
    def patch(self) -> str:
        """What brings `behind` up to date, for `git apply`."""
        return "".join(item.diff for item in self.behind)


def prepare(options: Options, *, checkout: Path = CHECKOUT) -> Prepared:
    """Look, compare, write nothing. `checkout` is the program's own. Raises UserError with what has to be mended."""
    repo = surroundings.open_target(options.path)
    root = Path(str(repo.working_tree_dir))
    program = find_program(checkout, ref=options.program_ref, repository=options.program)
    choices = Choices(options.branch or _branch(repo), options.region, options.bucket)
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
    items = writing.compare(root, files, before=_before(root, files, checkout, choices))
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
        notes=tuple(surroundings.notes(root, paths, files, environments)),
        settings=checklist.checklist(
            account,
            logins(files, account),
            region=first.state.region,
            request_label=settings.request_label,
            environments=environments,
        ),
        request_label=settings.request_label,
    )


def preview(prepared: Prepared) -> str:
    """What would be written, as a unified diff, and what stands there and is left as it is."""
    parts = [f"{prepared.root}: infra-agent from {prepared.program.repository} at {prepared.program.commit}\n"]
    parts += [item.diff for item in prepared.new]
    for item in prepared.behind:
        why = "has other content" if item.before is None else "is older than its template, which changed like this"
        parts.append(f"\n{item.path}: {why}; it is kept as it is.\n{item.diff}")
    parts += [f"\n{note}\n" for note in prepared.notes]
    return "".join(parts) + "\n" + summary(prepared)


def summary(prepared: Prepared) -> str:
    """Counts in a line, and what to do about files that are behind."""
    kept = [item for item in prepared.items if item.state == "kept"]
    same = len(prepared.items) - len(prepared.new) - len(kept)
    text = f"{len(prepared.new)} files to write, {same} up to date, {len(kept)} with content of your own (kept)\n"
    if prepared.behind:
        names = ", ".join(item.path for item in prepared.behind)
        text += f"Never overwritten, look at the difference and take it over: {names}\n"
        text += "  infra-agent init --patch upgrade.patch && git apply upgrade.patch\n"
    return text


def write(prepared: Prepared) -> str:
    """Write everything that is new, or nothing; says what was done. Raises ToolError."""
    done = writing.write_all(prepared.root, prepared.items)
    if not done:
        return "Nothing was written: everything is there already.\n"
    return f"{len(done)} files written to {prepared.root}. Look at them, commit them and open a pull request.\n"


def _before(root: Path, files: Mapping[str, str], checkout: Path, choices: Choices) -> dict[str, str]:
    """What the version that is installed had written where people are meant to write too; nothing when unknown."""
    for path in files:
        place = root / path
        if path.startswith(WORKFLOWS) and place.is_file():
            old = pinned(place.read_text(encoding="utf-8", errors="replace"))
            if old is not None and holds(checkout, old.commit):
                made = installed(shipped_files(checkout, old.commit), old, choices)
                return {path: text for path, text in made.items() if not _generated(path)}
    return {}


def _generated(path: str) -> bool:
    return path.startswith((WORKFLOWS, SCHEMAS))


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
