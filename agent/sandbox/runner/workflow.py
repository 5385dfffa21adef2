"""The text of a workflow file -> a checked Workflow, or an error that names the line."""

import re
from collections.abc import Mapping

from agent.sandbox.runner.actions import ACTIONS
from agent.sandbox.runner.document import Entry, load_document
from agent.sandbox.runner.model import Concurrency, Defaults, Job, Step, Strategy, Workflow
from agent.sandbox.runner.template import Site, Template
from agent.sandbox.runner.triggers import read_triggers

# Which contexts a key's expressions may name. Source: workflow-v1.0.json of the npm package @actions/workflow-parser.
_RUN = "github inputs vars"
_JOB = f"{_RUN} needs strategy matrix"
_STEP = f"{_JOB} secrets steps job runner env"
_STATUS = frozenset({"success", "failure", "always", "cancelled"})


def _site(contexts: str, functions: frozenset[str] = frozenset()) -> Site:
    return Site(frozenset(contexts.split()), functions)


RUN_NAME = CONCURRENCY = _site(_RUN)
RUN_ENV = _site(f"{_RUN} secrets")
STRATEGY = _site(f"{_RUN} needs")
JOB = _site(_JOB)
JOB_ENV = _site(f"{_JOB} secrets")
JOB_IF = _site(f"{_RUN} needs", _STATUS)
JOB_DEFAULTS = _site(f"{_JOB} env")
JOB_OUTPUTS = _site(_STEP)
STEP = _site(_STEP, frozenset({"hashfiles"}))
STEP_IF = _site(f"{_JOB} steps job runner env", _STATUS | {"hashfiles"})

PERMISSIONS = frozenset(
    {
        "actions",
        "artifact-metadata",
        "attestations",
        "checks",
        "contents",
        "deployments",
        "discussions",
        "id-token",
        "issues",
        "models",
        "packages",
        "pages",
        "pull-requests",
        "repository-projects",
        "security-events",
        "statuses",
    }
)
SHELLS = ("bash", "sh", "python")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_USES = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
_IMAGE = re.compile(r"ubuntu-(latest|\d\d\.\d\d)(-arm)?")


def load_workflow(text: str, path: str) -> Workflow:
    """Read and check a workflow file. `path` is what errors call it.

    Raises WorkflowError ("path:line: ...") for anything that is wrong or that the sandbox does not know.
    """
    top = load_document(text, path).keys("name run-name on permissions env defaults concurrency jobs")
    for key in ("on", "jobs"):
        if key not in top:
            raise Entry(None, path, 1, "the workflow").fail(f"has no key {key!r}")
    defaults = _defaults(top.get("defaults"), Defaults("", None))
    permissions = _permissions(top.get("permissions"), None)
    jobs = {key: _job(key, entry, defaults, permissions) for key, entry in top["jobs"].items()}
    if not jobs:
        raise top["jobs"].fail("has no job")
    _check_needs(jobs, top["jobs"])
    return Workflow(
        path=path,
        name=top["name"].text() if "name" in top else path,
        run_name=_template(top, "run-name", RUN_NAME),
        triggers=read_triggers(top["on"]),
        env=_templates(top, "env", RUN_ENV),
        concurrency=_concurrency(top.get("concurrency"), CONCURRENCY),
        jobs=jobs,
    )


def _template(keys: Mapping[str, Entry], name: str, site: Site) -> Template | None:
    return keys[name].template(site) if name in keys else None


def _condition(keys: Mapping[str, Entry], site: Site) -> Template | None:
    return keys["if"].condition(site) if "if" in keys else None


def _templates(keys: Mapping[str, Entry], name: str, site: Site) -> dict[str, Template]:
    return keys[name].templates(site) if name in keys else {}


def _job(key: str, entry: Entry, defaults: Defaults, permissions: Mapping[str, str] | None) -> Job:
    if not _KEY.fullmatch(key):
        raise entry.fail("is no name for a job: letters, digits, - and _, beginning with a letter or _")
    keys = entry.keys(
        "name needs if runs-on timeout-minutes continue-on-error env environment permissions concurrency outputs "
        "strategy defaults steps"
    )
    for needed in ("runs-on", "steps"):
        if needed not in keys:
            raise entry.fail(f"has no key {needed!r}")
    runs_on = keys["runs-on"].tree(JOB)
    for label in keys["runs-on"].elements():
        if "${{" not in str(label.raw):
            check_image(label.text(), label.place)
    name, url = _environment(keys.get("environment"))
    return Job(
        key=key,
        name=_template(keys, "name", JOB),
        needs=keys["needs"].texts() if "needs" in keys else (),
        condition=_condition(keys, JOB_IF),
        runs_on=runs_on,
        timeout=_template(keys, "timeout-minutes", JOB),
        keep_going=_template(keys, "continue-on-error", JOB),
        env=_templates(keys, "env", JOB_ENV),
        environment=name,
        environment_url=url,
        permissions=_permissions(keys.get("permissions"), permissions),
        concurrency=_concurrency(keys.get("concurrency"), JOB),
        outputs=_templates(keys, "outputs", JOB_OUTPUTS),
        strategy=_strategy(keys.get("strategy")),
        defaults=_defaults(keys.get("defaults"), defaults),
        steps=_steps(keys["steps"]),
        place=entry.place,
    )


def check_image(label: str, place: str) -> None:
    """Raise WorkflowError unless `label` names an Ubuntu runner."""
    if not _IMAGE.fullmatch(label):
        raise Entry(None, *_split(place), "runs-on").fail(f"{label!r} is unknown to the sandbox; it has ubuntu-* only")


def _split(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line)


def _environment(entry: Entry | None) -> tuple[Template | None, Template | None]:
    if entry is None:
        return None, None
    if not isinstance(entry.raw, dict):
        return entry.template(JOB), None
    keys = entry.keys("name url")
    if "name" not in keys:
        raise entry.fail("has no key 'name'")
    return keys["name"].template(JOB), _template(keys, "url", STEP)


def _permissions(entry: Entry | None, inherited: Mapping[str, str] | None) -> Mapping[str, str] | None:
    if entry is None:
        return inherited
    if isinstance(entry.raw, str):
        level = {"read-all": "read", "write-all": "write"}.get(entry.raw)
        if level is None:
            raise entry.fail(f"{entry.raw!r} is unknown; known are read-all, write-all and a mapping")
        return {name: level for name in PERMISSIONS if (name, level) != ("id-token", "read")}
    levels: dict[str, str] = {}
    for name, item in entry.items():
        if name not in PERMISSIONS:
            raise item.fail(f"is no permission; known are {', '.join(sorted(PERMISSIONS))}")
        level = item.text()
        if level not in (("write", "none") if name == "id-token" else ("read", "write", "none")):
            raise item.fail(f"{level!r} is no level for this permission")
        levels[name] = level
    return {name: level for name, level in levels.items() if level != "none"}


def _concurrency(entry: Entry | None, site: Site) -> Concurrency | None:
    if entry is None:
        return None
    if not isinstance(entry.raw, dict):
        return Concurrency(entry.template(site), None, "single")
    keys = entry.keys("group cancel-in-progress queue")
    if "group" not in keys:
        raise entry.fail("has no key 'group'")
    queue = keys["queue"].text() if "queue" in keys else "single"
    if queue not in ("single", "max"):
        raise keys["queue"].fail(f"{queue!r} is unknown; known are single and max")
    return Concurrency(keys["group"].template(site), _template(keys, "cancel-in-progress", site), queue)


def _strategy(entry: Entry | None) -> Strategy | None:
    if entry is None:
        return None
    keys = entry.keys("matrix fail-fast max-parallel")
    return Strategy(
        _template(keys, "fail-fast", STRATEGY),
        _template(keys, "max-parallel", STRATEGY),
        keys["matrix"].tree(STRATEGY) if "matrix" in keys else None,
        keys["matrix"].place if "matrix" in keys else entry.place,
    )


def _defaults(entry: Entry | None, inherited: Defaults) -> Defaults:
    run = entry.keys("run").get("run") if entry else None
    if run is None:
        return inherited
    keys = run.keys("shell working-directory")
    directory = _template(keys, "working-directory", JOB_DEFAULTS)
    return Defaults(_shell(keys.get("shell")) or inherited.shell, directory or inherited.directory)


def _shell(entry: Entry | None) -> str:
    if entry is None:
        return ""
    name = entry.text()
    if name not in SHELLS:
        raise entry.fail(f"{name!r} is unknown to the sandbox; known are {', '.join(SHELLS)}")
    return name


def _steps(entry: Entry) -> tuple[Step, ...]:
    steps = tuple(_step(number, element) for number, element in enumerate(entry.elements(), 1))
    seen: set[str] = set()
    for step in steps:
        if step.id and step.id.lower() in seen:
            raise Entry(None, *_split(step.place), "id").fail(f"{step.id!r} is given twice in this job")
        seen.add(step.id.lower())
    return steps


def _step(number: int, entry: Entry) -> Step:
    is_run = isinstance(entry.raw, dict) and "run" in entry.raw
    own = "run working-directory shell" if is_run else "uses with"
    keys = entry.keys(f"name id if env continue-on-error timeout-minutes {own}")
    identity = keys["id"].text() if "id" in keys else ""
    if identity and not _KEY.fullmatch(identity):
        raise keys["id"].fail(f"{identity!r} is no name: letters, digits, - and _")
    if not is_run and "uses" not in keys:
        raise entry.fail("has neither 'run' nor 'uses'")
    uses = "" if is_run else _action(keys["uses"])
    first = str(keys["run"].raw).strip().splitlines() if is_run else []
    return Step(
        number=number,
        id=identity,
        name=_template(keys, "name", STEP),
        title=f"Run {first[0] if first else str(keys['uses'].raw) if uses else ''}",
        condition=_condition(keys, STEP_IF),
        run=_template(keys, "run", STEP),
        uses=uses,
        inputs=_inputs(uses, keys["uses"], keys.get("with")) if uses else {},
        env=_templates(keys, "env", STEP),
        directory=_template(keys, "working-directory", STEP),
        shell=_shell(keys.get("shell")),
        keep_going=_template(keys, "continue-on-error", STEP),
        timeout=_template(keys, "timeout-minutes", STEP),
        place=entry.place,
    )


def _action(entry: Entry) -> str:
    match = _USES.fullmatch(entry.text())
    if match is None:
        raise entry.fail(f"{entry.raw!r} must be owner/repository@ and a full commit SHA of 40 characters")
    if match[1] not in ACTIONS:
        raise entry.fail(f"{match[1]!r} is unknown to the sandbox; known are {', '.join(sorted(ACTIONS))}")
    return match[1]


def _inputs(name: str, uses: Entry, entry: Entry | None) -> dict[str, Template]:
    known = ACTIONS[name].inputs
    given = {} if entry is None else dict(entry.items())
    for key, item in given.items():
        if key not in known:
            raise item.fail(f"is no input of {name}; known are {', '.join(sorted(known))}")
        if known[key].use == "no":
            raise item.fail(f"is an input of {name} that the sandbox does not have")
    for key, fact in known.items():
        if fact.required and key not in given:
            raise uses.fail(f"{name} needs the input {key!r}")
    defaults = {
        key: Entry(fact.default, uses.path, uses.line, key).template(STEP)
        for key, fact in known.items()
        if fact.default is not None
    }
    return {**defaults, **{key: item.template(STEP) for key, item in given.items()}}


def _check_needs(jobs: Mapping[str, Job], entry: Entry) -> None:
    places = dict(entry.items())
    for key, job in jobs.items():
        for needed in job.needs:
            if needed not in jobs:
                raise places[key].fail(f"needs {needed!r}, which is no job of this workflow")
    done: set[str] = set()
    while ready := {key for key, job in jobs.items() if key not in done and done.issuperset(job.needs)}:
        done |= ready
    for key in jobs:
        if key not in done:
            raise places[key].fail("needs itself, by way of its needs")
