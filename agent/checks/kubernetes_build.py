"""Kustomizations and charts in, the manifests that they become out, rendered without a network.

Every check of manifests judges them beside the files: a patch or a value can turn a good file into a bad manifest.
"""

import json
import posixpath
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path

from pydantic import ValidationError

from agent.checks.check import Built, Context, canary_name, not_waived
from agent.checks.kubernetes_canary import BUILT_RULE, planted
from agent.checks.kubernetes_files import FOLDER, Chart, application, kubernetes_files, layout
from agent.domain import File, Finding, Value
from agent.errors import ToolError
from agent.gate.kubernetes import examine_kubernetes
from agent.guardrails import Guardrails
from agent.tools import clean_copy

WORKER = Path(__file__).with_name("kubernetes_worker.py")
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
    error: str


class Answer(Value):
    """The worker's answer; see `kubernetes_worker.py`."""

    version: str
    seen: dict[str, int]
    problems: tuple[Problem, ...]
    rendered: tuple[Rendered, ...]


def built(files: Sequence[File], context: Context) -> tuple[Built, ...]:
    """`build`, or what another check has built of these files already."""
    return build(files, context) if context.built is None else context.built()


def once(files: Sequence[File], context: Context) -> Callable[[], tuple[Built, ...]]:
    """`build` for many threads: done when the first of them asks; its answer, or its ToolError, is everybody's."""
    lock = threading.Lock()
    answer: Future[tuple[Built, ...]] = Future()

    def ask() -> tuple[Built, ...]:
        with lock:
            if not answer.done():
                try:
                    answer.set_result(build(files, context))
                except ToolError as error:
                    answer.set_exception(error)
        return answer.result()

    return ask


def build(files: Sequence[File], context: Context) -> tuple[Built, ...]:
    """What every kustomization that nothing else builds on becomes, and every chart: as an installation and as an
    upgrade, with its values alone and with each further values file.

    Raises ToolError when one does not build, since nobody could judge it; when a tool is missing or fails, or does not
    build the canary; and before any is started on what would reach out.
    """
    given = kubernetes_files((*files, *context.trusted))
    sorts = layout(given)
    if not sorts.sources and not sorts.charts:
        return ()
    deadline = time.monotonic() + context.timeout
    _require_closed(given, context)
    canary = canary_name()
    found: list[Built] = []
    with clean_copy([*given, *planted(canary)]) as copy, tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        for root in (f"{canary}/kustomization", *sorts.sources) if sorts.sources else ():
            left = max(deadline - time.monotonic(), 1)
            text, error = kustomize(copy, root, context, home=Path(name), timeout=left)
            if root in sorts.sources and error:
                raise ToolError(f"{sorts.sources[root]}: it does not build: {error}")
            if root in sorts.sources:
                found.append(Built(sorts.sources[root], root, "built", text))
            elif not _is_bad([text], canary, context.guardrails):
                raise ToolError("kustomize did not build the planted known-bad kustomization", log=error)
        if sorts.charts:
            found += _rendered(copy, sorts.charts, canary, context, deadline=deadline)
    return tuple(found)


def _require_closed(given: Sequence[File], context: Context) -> None:
    """The gate has refused such files before; a folder that stood there before the gate did is not built either."""
    found = examine_kubernetes(given, base=None, guardrails=context.guardrails)
    refused = not_waived((item for item in found if item.rule in REFUSED), context)
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


def _rendered(copy: Path, charts: Iterable[Chart], canary: str, context: Context, *, deadline: float) -> list[Built]:
    asked = [
        (chart.folder, values, upgrade)
        for chart in charts
        for values in ("", *chart.values)
        for upgrade in (False, True)
    ]
    asked.append((f"{canary}/chart", "", False))
    question: list[dict[str, str | bool]] = [
        {
            "path": folder,
            "values": values,
            "name": _release(folder),
            "namespace": _release(folder),
            "upgrade": upgrade,
        }
        for folder, values, upgrade in asked
    ]
    answer = ask(copy, [], question, context, timeout=max(deadline - time.monotonic(), 1))
    last = answer.rendered[-1].templates if answer.rendered else {}
    if not _is_bad(last.values(), canary, context.guardrails):
        raise ToolError("helm did not build the planted known-bad chart")
    if len(answer.rendered) != len(asked):
        raise ToolError(f"it built {len(answer.rendered)} of {len(asked)} charts")
    found: list[Built] = []
    known: list[tuple[str, dict[str, str]]] = []
    for (folder, values, upgrade), chart in zip(asked[:-1], answer.rendered, strict=False):
        how = f" with {posixpath.basename(values)}" if values else ""
        if chart.error:
            raise ToolError(f"{folder}/Chart.yaml: it does not build{how}: {chart.error}")
        if (folder, chart.templates) not in known:  # an upgrade is mostly the same as an installation
            known.append((folder, chart.templates))
            how = f"built{how}{' for an upgrade' if upgrade else ''}"
            root = f"{folder} {len(known)}"
            found += [
                Built(f"{folder}/{path}", root, how, text, _release(folder)) for path, text in chart.templates.items()
            ]
    return found


def ask(
    copy: Path, paths: Sequence[str], charts: Sequence[dict[str, str | bool]], context: Context, *, timeout: float
) -> Answer:
    """The worker's answer about files and charts below `copy`. Raises ToolError: missing, failed, no such answer."""
    if not context.kubernetes:
        raise ToolError("INFRA_AGENT_KUBERNETES_PYTHON names no interpreter (`bin/setup-env kubernetes` makes one)")
    with tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        folder = Path(name)
        (folder / "files").symlink_to(copy.resolve(), target_is_directory=True)
        request = {"version": context.settings.kubernetes.version or "", "files": list(paths), "charts": list(charts)}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        done = context.tools.run(
            [context.kubernetes, "-I", str(WORKER), name], cwd=folder, timeout=timeout, env={**CLOSED, "HOME": name}
        )
    try:
        return Answer.model_validate_json(done.stdout)
    except ValidationError as error:
        raise ToolError(f"its answer has an unknown shape: {error.errors()[0]['msg']}", log=done.stderr) from error


def gated(texts: Iterable[str], where: str, guardrails: Guardrails, *, namespace: str = "") -> list[Finding]:
    """The gate's findings on what was built, under names that exempt it from nothing."""
    folder = application(where) if where.startswith(FOLDER) else f"{FOLDER}dev/canary"
    files = [File(path=f"{folder}/built-{number}.yaml", content=text) for number, text in enumerate(texts)]
    if namespace:  # Helm puts what names no namespace into the release's
        kustomization = f"kind: Kustomization\nnamespace: {namespace}\n"
        files.append(File(path=f"{folder}/kustomization.yaml", content=kustomization))
    return examine_kubernetes(files, base=None, guardrails=guardrails)


def _is_bad(texts: Iterable[str], canary: str, guardrails: Guardrails) -> bool:
    return BUILT_RULE in {finding.rule for finding in gated(texts, canary, guardrails)}


def _release(folder: str) -> str:
    """A release is called as its application is, and goes into the namespace of that name."""
    return application(folder).split("/")[3] if folder.startswith(FOLDER) and folder.count("/") >= 3 else "canary"
