"""ChangeSet -> Findings: the gate first, then every outside check on what the gate let through."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from agent.checks.checkov_start import worker as checkov_worker
from agent.documents import Documents
from agent.domain import ChangeSet, Findings, Request
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.targets.terraform_warm import warm
from agent.tools import Tools


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    pythons: Mapping[str, str],
    today: date,
) -> Findings:
    """Examine the change. No tool sees a file that the gate refused.

    What takes longest to get ready starts first, on nothing but the default branch, before the rest of this program is
    even loaded: that and the gate run beside it.
    """
    request, change = documents.need(Request), documents.need(ChangeSet)
    with ExitStack() as stack:
        worker = stack.enter_context(checkov_worker(tools, python=pythons["checkov"], root=root))
        code = any(file.path.endswith(".tf") and file.content is not None for file in change.files)
        warmed = stack.enter_context(warm(tools, settings, root=root)) if code else None
        from agent.jobs.parts.scan import scan

        return scan(
            request,
            change,
            root=root,
            settings=settings,
            guardrails=guardrails,
            tools=tools,
            pythons=pythons,
            today=today,
            worker=worker,
            warmed=warmed,
        )
