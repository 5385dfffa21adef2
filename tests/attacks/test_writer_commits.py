"""The corpus, zones `writer` and `plan`: what people push to the branch is gated before it is run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.documents import Documents, write
from agent.domain import Plan, Proposal
from agent.jobs import plan
from agent.tools import Tools
from tests.jobs.conftest import Desk
from tests.jobs.merging import UNIT, merged, resolved
from tests.jobs.test_change import pull_number, written


def planned_by(desk: Desk, documents: Documents, *, mark: Path) -> Plan:
    """The plan job, with a `terraform` that leaves `mark` when anybody starts it."""
    folder = mark.parent / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "terraform").write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    (folder / "terraform").chmod(0o755)
    made = plan.run(
        documents, root=desk.clone(), settings=desk.settings, guardrails=desk.guardrails,
        tools=Tools(environment={"PATH": f"{folder}:/usr/bin:/bin"}), remote=desk.remote(),
        today=datetime.now(UTC).date(), pythons={"checkov": "/nowhere"},
    )  # fmt: skip
    write(documents.folder / "plan.json", made)
    return made


EVIL = {
    "T01": (f"{UNIT}/more.tf", 'data "external" "x" {\n  program = ["sh", "-c", "id"]\n}\n'),
    "T10": (
        f"{UNIT}/terraform.d/plugins/registry.terraform.io/a/b/1.0.0/linux_amd64/terraform-provider-b",
        "#!/bin/sh\n",
    ),
    "F12": ("policies/waivers.yml", "waivers: []\n"),
    "F01": (".github/workflows/apply.yml", "on: push\n"),
}


@pytest.mark.parametrize("row", EVIL)
def test_F20_what_a_person_pushes_to_the_agents_branch_is_gated_before_it_is_planned(
    desk: Desk, tmp_path: Path, row: str
) -> None:
    path, content = EVIL[row]
    documents = written(desk)
    desk.propose(documents)
    proposal = documents.need(Proposal)
    mark = tmp_path / "started"
    if row == "T01":
        assert planned_by(desk, documents, mark=mark).units[0].status == "failed"
        assert mark.exists(), "without the push it is run"
        mark.unlink()
    person, branch = desk.person("casey"), "agent/1"
    if row == "F01":
        found = person.get_contents(path, ref=branch)
        assert not isinstance(found, list)
        commit = person.update_file(path, "more", content, found.sha, branch=branch)["commit"].sha
    elif row == "F12":
        found = person.get_contents(path, ref=branch)
        assert not isinstance(found, list)
        commit = person.update_file(path, "more", content + "# mine\n", found.sha, branch=branch)["commit"].sha
    else:
        commit = person.create_file(path, "more", content, branch=branch)["commit"].sha
    write(documents.folder / "proposal.json", proposal.model_copy(update={"head_sha": commit}))
    made = planned_by(desk, documents, mark=mark)
    assert not mark.exists(), "nothing of it was run"
    assert [unit.status for unit in made.units] == ["failed"]
    assert "the gate refused" in made.units[0].reason
    assert path in {finding.path for finding in made.findings}
    desk.publish(documents)
    merge = resolved(desk, merged(desk, desk.person("morgan").get_pull(pull_number(documents))))
    assert (merge.status, "has no seal" in merge.reasons[0]) == ("stopped", True)
