"""Manifests, kustomizations and charts in, what Kubernetes' own schemas and the gate say of what they become out.

What is built goes through the gate's rules once more, so that building hides nothing.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from agent.checks.check import Built, CheckResult, Context, canary_name, finished, named, nothing_to_check
from agent.checks.kubernetes_build import Answer, Problem, ask, built, gated
from agent.checks.kubernetes_canary import BAD, BAD_RULES
from agent.checks.kubernetes_files import SUFFIXES, Layout, count, kubernetes_files, layout, place
from agent.domain import File, Finding, Severity
from agent.errors import ToolError
from agent.gate.kubernetes import examine_kubernetes
from agent.gate.yaml_tree import YamlError
from agent.tools import clean_copy

NAME = "kubernetes"
HELP = "https://kubernetes.io/docs/reference/kubernetes-api/"
# What a template may not ask is said of templates that stood there before the gate did, too.
UNDECIDABLE = "kubernetes/template"


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Build what is to be built, hold every manifest against the schemas, and what was built against the gate.

    Raises ToolError when a tool is missing or fails, does not find the canary, a file was not seen, or a chart or a
    kustomization does not build.
    """
    given = kubernetes_files((*files, *context.trusted))
    if not any(file.path.endswith(SUFFIXES) for file in given):
        return nothing_to_check(NAME)
    deadline = time.monotonic() + context.timeout
    made = built(files, context)
    sorts = layout(given)
    texts = {file.path: file.content or "" for file in given}
    canary = canary_name()
    outputs = {f"{canary}/built/{number}.yaml": one for number, one in enumerate(made)}
    copied = [File(path=path, content=one.text) for path, one in outputs.items()]
    with clean_copy([*given, *copied, File(path=f"{canary}/bad.yaml", content=BAD)]) as copy:
        asked = [*sorts.manifests, *outputs, f"{canary}/bad.yaml"]
        answer = ask(copy, asked, [], context, timeout=max(deadline - time.monotonic(), 1))
    missed = BAD_RULES - {problem.rule for problem in answer.problems if problem.path == f"{canary}/bad.yaml"}
    if missed:
        raise ToolError(f"it did not find the planted known-bad file ({', '.join(sorted(missed))})")
    _require_documents(answer, {path: texts[path] for path in sorts.manifests}, outputs)
    findings = [
        *_unused(sorts),
        *(_of_file(problem, texts[problem.path]) for problem in answer.problems if problem.path in texts),
        *_of_templates(given, context),
        *named(_of_built(answer, outputs, context)),
    ]
    unique = tuple(dict.fromkeys(_weighed(finding, context) for finding in findings))
    return finished(NAME, given=len(given), seen=len(given), findings=unique, detail=f"Kubernetes {answer.version}")


def _require_documents(answer: Answer, texts: Mapping[str, str], outputs: Mapping[str, Built]) -> None:
    """A document that our reader sees and theirs does not would be checked by nobody."""
    everything = {**texts, **{path: one.text for path, one in outputs.items()}}
    shown = {**{path: path for path in texts}, **{path: one.source for path, one in outputs.items()}}
    missing = [shown[path] for path in everything if path not in answer.seen]
    if missing:
        raise ToolError(f"it could not read {', '.join(missing[:5])}, {len(missing)} of {len(everything)} files")
    for path, text in everything.items():
        if answer.seen[path] < 0:
            continue  # it says so in a finding
        try:
            ours = count(text)
        except YamlError:
            continue  # the gate refuses it
        if answer.seen[path] != ours:
            raise ToolError(f"it saw {answer.seen[path]} of {ours} documents in {shown[path]}")


def _unused(sorts: Layout) -> Iterator[Finding]:
    for path in sorts.unused:
        yield _finding("build/unused", "no kustomization that is built uses it, so nobody sees what it does", path)


def _of_file(problem: Problem, text: str) -> Finding:
    return _finding(problem.rule, problem.message, problem.path, place(text, problem.document, problem.keys))


def _of_templates(given: Sequence[File], context: Context) -> Iterator[Finding]:
    for item in examine_kubernetes(given, base=None, guardrails=context.guardrails):
        if item.rule == UNDECIDABLE:
            yield _finding(item.rule, item.message, item.path, item.line)


def _of_built(answer: Answer, outputs: Mapping[str, Built], context: Context) -> Iterator[tuple[Built, Finding]]:
    for problem in answer.problems:
        if problem.path in outputs:
            yield outputs[problem.path], _finding(problem.rule, problem.message, "")
    for one in outputs.values():
        for item in gated([one.text], one.source, context.guardrails, namespace=one.namespace):
            yield one, _finding(item.rule, item.message, "")


def _finding(rule: str, message: str, path: str, line: int = 0) -> Finding:
    return Finding(source=NAME, rule=rule, severity="high", message=message, path=path, line=line, help=HELP)


def _weighed(finding: Finding, context: Context) -> Finding:
    own: Severity | None = "critical" if finding.rule.startswith("kubernetes/") else None
    return finding.model_copy(update={"severity": context.severities.of(NAME, finding.rule, own=own)})
