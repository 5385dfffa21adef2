"""Merge and one of its units -> Outcome: plan again, compare with the seal, apply exactly that."""

import tempfile
from pathlib import Path

from agent.documents import Documents
from agent.domain import Merge, Outcome, UnitOutcome
from agent.errors import ToolError, UserError
from agent.jobs.resolve import overtaken
from agent.jobs.workspace import lay_out
from agent.repo import Remote, fetch, open_repo, remote_head
from agent.settings import Settings
from agent.targets import terraform
from agent.tools import Tools


def run(
    documents: Documents,
    unit: str,
    *,
    root: Path,
    settings: Settings,
    tools: Tools,
    remote: Remote,
    default_branch: str,
) -> Outcome:
    """Apply `unit` of the merged commit. What is not the sealed plan is not applied."""
    merge = documents.need(Merge)
    if merge.status != "apply" or merge.seal is None or unit not in merge.units:
        raise UserError(f"merge.json: {unit} is not approved to be applied")
    repo = open_repo(root)
    tip = remote_head(repo, remote, default_branch) or merge.commit
    fetch(repo, remote, tip)
    if moved := overtaken(repo, merge.commit, tip, merge.seal):
        stopped = UnitOutcome(unit=unit, status="stopped", reason="; ".join(moved))
        return Outcome(commit=merge.commit, units=(stopped,))
    with tempfile.TemporaryDirectory(prefix="infra-agent-apply-") as folder:
        lay_out(repo, merge.commit, [unit], into=Path(folder))
        try:
            outcome = terraform.apply(
                tools,
                Path(folder),
                unit,
                settings=settings,
                expected_digest=merge.seal.plans.get(unit, ""),
            )
        except ToolError as error:
            outcome = UnitOutcome(unit=unit, status="failed", reason=str(error))
    return Outcome(commit=merge.commit, units=(outcome,))
