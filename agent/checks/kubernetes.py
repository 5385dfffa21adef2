"""Manifests, kustomizations and charts in, what Kubernetes' own schemas and the gate say of what they become out.

What is built goes through the gate's rules once more, so that building hides nothing.
"""

import json
import posixpath
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from agent.checks.check import CheckResult, Context, canary_name, finished, nothing_to_check
from agent.checks.kubernetes_canary import BAD_RULES, BUILT_RULE, planted
from agent.checks.kubernetes_files import FOLDER, SUFFIXES, Layout, count, kubernetes_files, layout, place, undecidable
from agent.domain import File, Finding, Severity, Value
from agent.errors import ToolError
from agent.gate.kubernetes import examine_kubernetes
from agent.gate.yaml_tree import YamlError
from agent.guardrails import Guardrails
from agent.tools import clean_copy, write_files

NAME = "kubernetes"
HELP = "https://kubernetes.io/docs/reference/kubernetes-api/"
WORKER = Path(__file__).with_name("kubernetes_worker.py")
# Empty: the newest version whose schemas the locked package brings.
CLUSTER_VERSION = ""
# A renderer that is asked to reach out finds no git, no plugin and no network but this machine's own, which no proxy
# setting closes; `_require_closed` has refused every address before.
CLOSED = {"KUBECONFIG": "/dev/null", "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
REFUSED = frozenset({"kubernetes/kustomize", "kubernetes/chart"})


class Problem(Value):
    rule: str
    message: str
    path: str
    document: int
    keys: tuple[str, ...]


class Rendered(Value):
    templates: dict[str, str]
    problems: tuple[Problem, ...]
    error: str


class Answer(Value):
    """The worker's answer; see `kubernetes_worker.py`."""

    version: str
    seen: dict[str, int]
    problems: tuple[Problem, ...]
    rendered: tuple[Rendered, ...]


class Build(NamedTuple):
    """One rendering of a chart."""

    folder: str
    values: str
    upgrade: bool


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Build what is to be built, hold every manifest against the schemas, and what was built against the gate.

    Raises ToolError when a tool is missing or fails, does not find the canary, or a file was not seen.
    """
    given = kubernetes_files((*files, *context.trusted))
    if not any(file.path.endswith(SUFFIXES) for file in given):
        return nothing_to_check(NAME)
    deadline = time.monotonic() + context.timeout
    _require_closed(given, context.guardrails)
    sorts = layout(given)
    texts = {file.path: file.content or "" for file in given}
    canary = canary_name()
    builds = [
        Build(chart.folder, values, upgrade)
        for chart in sorts.charts
        for values in ("", *chart.values)
        for upgrade in (False, True)
    ]
    if builds:
        builds.append(Build(f"{canary}/chart", "", False))
    with clean_copy([*given, *planted(canary)]) as copy, tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        roots = (*sorts.sources, f"{canary}/kustomization") if sorts.sources else ()
        built = {
            root: kustomize(copy, root, context, home=Path(name), timeout=max(deadline - time.monotonic(), 1))
            for root in roots
        }
        if built:
            text, error = built.popitem()[1]
            if BUILT_RULE not in {finding.rule for finding in _gated({"": text}, canary, context)}:
                raise ToolError("kustomize did not build the planted known-bad kustomization", log=error)
        outputs = [
            File(path=f"{canary}/built/{number}.yaml", content=text) for number, (text, _) in enumerate(built.values())
        ]
        write_files(copy, outputs)
        asked = [*sorts.manifests, *(file.path for file in outputs), f"{canary}/bad.yaml"]
        answer = _ask(copy, asked, builds, context, deadline=deadline)
    _require_canary(answer, canary, charts=bool(builds), context=context)
    _require_documents(answer, {path: texts[path] for path in sorts.manifests})
    findings = [
        *_unused(sorts),
        *(_of_file(problem, texts[problem.path]) for problem in answer.problems if problem.path in texts),
        *_of_roots(built, answer, [file.path for file in outputs], sorts.sources, context),
        *_of_charts(builds, answer, texts, context),
    ]
    unique = tuple(dict.fromkeys(_weighed(finding, context) for finding in findings))
    return finished(NAME, given=len(given), seen=len(given), findings=unique, detail=f"Kubernetes {answer.version}")


def _require_closed(given: Sequence[File], guardrails: Guardrails) -> None:
    """The gate has refused such files before; a folder that stood there before the gate did is not built either."""
    refused = [item for item in examine_kubernetes(given, base=None, guardrails=guardrails) if item.rule in REFUSED]
    if refused:
        raise ToolError(f"{refused[0].path}: {refused[0].message} ({refused[0].rule}), so nothing is built")


def kustomize(copy: Path, root: str, context: Context, *, home: Path, timeout: float) -> tuple[str, str]:
    """What the kustomization below `copy` becomes, and why it becomes nothing, by kubectl or kustomize without plugins.

    `home` is an empty folder, all that is on their PATH. Raises ToolError when there is neither.
    """
    if program := context.tools.which("kustomize"):
        argv = [program, "build"]
    elif program := context.tools.which("kubectl"):
        argv = [program, "kustomize"]
    else:
        raise ToolError("neither kubectl nor kustomize was found on PATH, and the change holds a kustomization")
    done = context.tools.run(
        [*argv, "--load-restrictor", "LoadRestrictionsRootOnly", root],
        cwd=copy,
        timeout=timeout,
        env={**CLOSED, "HOME": str(home), "PATH": str(home)},
        ok=(0, 1),
    )
    if done.code == 0:
        return done.stdout, ""
    # The same failure must read the same in every run: without the copy's folder and the time of day.
    error = re.sub(r"^E\d{4} \S+ +\d+ \S+\] ", "", done.stderr.strip()).replace(str(copy.resolve()), "")
    return "", error[:2_000] or "no reason given"


def _ask(copy: Path, paths: Sequence[str], builds: Sequence[Build], context: Context, *, deadline: float) -> Answer:
    if not context.kubernetes:
        raise ToolError("INFRA_AGENT_KUBERNETES_PYTHON names no interpreter (`bin/setup-env kubernetes` makes one)")
    charts = [
        {
            "path": build.folder,
            "values": build.values,
            "name": _application(build.folder),
            "namespace": _application(build.folder),
            "upgrade": build.upgrade,
        }
        for build in builds
    ]
    with tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        folder = Path(name)
        (folder / "files").symlink_to(copy.resolve(), target_is_directory=True)
        request = {"version": CLUSTER_VERSION, "files": list(paths), "charts": charts}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        done = context.tools.run(
            [context.kubernetes, "-I", str(WORKER), name],
            cwd=folder,
            timeout=max(deadline - time.monotonic(), 1),
            env={**CLOSED, "HOME": name},
        )
    try:
        return Answer.model_validate_json(done.stdout)
    except ValidationError as error:
        raise ToolError(f"its answer has an unknown shape: {error.errors()[0]['msg']}", log=done.stderr) from error


def _require_canary(answer: Answer, canary: str, *, charts: bool, context: Context) -> None:
    missed = BAD_RULES - {problem.rule for problem in answer.problems if problem.path == f"{canary}/bad.yaml"}
    if missed:
        raise ToolError(f"it did not find the planted known-bad file ({', '.join(sorted(missed))})")
    if charts:
        last = answer.rendered[-1].templates if answer.rendered else {}
        if BUILT_RULE not in {finding.rule for finding in _gated(last, canary, context)}:
            raise ToolError("helm did not build the planted known-bad chart")


def _require_documents(answer: Answer, texts: dict[str, str]) -> None:
    """A document that our reader sees and theirs does not would be checked by nobody."""
    missing = sorted(texts.keys() - answer.seen.keys())
    if missing:
        raise ToolError(f"it could not read {', '.join(missing[:5])}, {len(missing)} of {len(texts)} files")
    for path, text in texts.items():
        if answer.seen[path] < 0:
            continue  # it says so in a finding
        try:
            ours = count(text)
        except YamlError:
            continue  # the gate refuses it
        if answer.seen[path] != ours:
            raise ToolError(f"it saw {answer.seen[path]} of {ours} documents in {path}")


def _unused(sorts: Layout) -> Iterator[Finding]:
    for path in sorts.unused:
        yield _finding("build/unused", "no kustomization that is built uses it, so nobody sees what it does", path)


def _of_file(problem: Problem, text: str) -> Finding:
    return _finding(problem.rule, problem.message, problem.path, place(text, problem.document, problem.keys))


def _of_roots(
    built: Mapping[str, tuple[str, str]],
    answer: Answer,
    outputs: Sequence[str],
    sources: Mapping[str, str],
    context: Context,
) -> Iterator[Finding]:
    for output, (root, (text, error)) in zip(outputs, built.items(), strict=True):
        path = sources[root]
        if error:
            yield _finding("build/kustomize", f"it does not build: {error}", path)
            continue
        for problem in answer.problems:
            if problem.path == output:
                yield _finding(problem.rule, f"built: {problem.message}", path)
        for finding in _gated({"": text}, root, context):
            yield _finding(finding.rule, f"built: {finding.message}", path)


def _of_charts(builds: Sequence[Build], answer: Answer, texts: dict[str, str], context: Context) -> Iterator[Finding]:
    if len(answer.rendered) != len(builds):
        raise ToolError(f"it built {len(answer.rendered)} of {len(builds)} charts")
    for build, rendered in zip(builds, answer.rendered, strict=True):
        if not build.folder.startswith(FOLDER):
            continue  # the planted one
        if rendered.error:
            where = f" with {posixpath.basename(build.values)}" if build.values else ""
            yield _finding("build/helm", f"it does not build{where}: {rendered.error}", f"{build.folder}/Chart.yaml")
        for problem in rendered.problems:
            yield _finding(problem.rule, f"built: {problem.message}", f"{build.folder}/{problem.path}")
        for template, text in rendered.templates.items():
            for finding in _gated({"": text}, build.folder, context, namespace=_application(build.folder)):
                yield _finding(finding.rule, f"built: {finding.message}", f"{build.folder}/{template}")
    for folder in dict.fromkeys(build.folder for build in builds):
        for path, text in texts.items():
            if path.startswith(f"{folder}/") and (found := undecidable(text)):
                what = f"{found[0]}: what it becomes here says nothing about what it becomes in the cluster"
                yield _finding("build/undecidable", what, path, found[1])


def _gated(built: dict[str, str], where: str, context: Context, *, namespace: str = "") -> list[Finding]:
    """The gate's findings on what was built, under a name that exempts it from nothing."""
    folder = "/".join(where.split("/")[:4]) if where.startswith(FOLDER) else f"{FOLDER}dev/canary"
    files = [File(path=f"{folder}/built-{number}.yaml", content=text) for number, text in enumerate(built.values())]
    if namespace:  # Helm puts what names no namespace into the release's
        kustomization = f"kind: Kustomization\nnamespace: {namespace}\n"
        files.append(File(path=f"{folder}/kustomization.yaml", content=kustomization))
    return examine_kubernetes(files, base=None, guardrails=context.guardrails)


def _application(folder: str) -> str:
    """`infra/kubernetes/<env>/<application>/…` -> the application's name."""
    return folder.split("/")[3] if folder.startswith(FOLDER) and folder.count("/") >= 3 else "canary"


def _finding(rule: str, message: str, path: str, line: int = 0) -> Finding:
    return Finding(source=NAME, rule=rule, severity="high", message=message, path=path, line=line, help=HELP)


def _weighed(finding: Finding, context: Context) -> Finding:
    own: Severity | None = "critical" if finding.rule.startswith("kubernetes/") else None
    return finding.model_copy(update={"severity": context.severities.of(NAME, finding.rule, own=own)})
