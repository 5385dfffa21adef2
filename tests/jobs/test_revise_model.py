"""What a model wrote is revised from where it stands, with what people changed, and judged against the main branch."""

from typing import Any

from agent.documents import Documents, write
from agent.domain import ChangeSet, Proposal, Request
from tests.author.scripted import prompt, scripted
from tests.author.test_strategist import said
from tests.jobs.conftest import Desk
from tests.jobs.test_change import CLEAN
from tests.jobs.test_request import file

UNIT = "infra/kubernetes/dev/web"
CONFIG, README, EVIL = f"{UNIT}/config.yaml", f"{UNIT}/README.md", f"{UNIT}/evil.yaml"
ASKED = "Please keep the settings of the web in a map"
UNDERSTOOD = said(target="kubernetes", units=[UNIT], types=["ConfigMap"], summary="Settings of the web")
OUTLINE = {"types": ["ConfigMap"], "edits": [{"path": CONFIG, "blocks": ["ConfigMap.web"]}]}
ROLE_BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: all
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: cluster-admin
subjects: []
"""


def config(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: web\ndata:\n  level: {value}\n"


def draft(**files: str) -> dict[str, Any]:
    """A draft with these files of the unit; `README` is its README.md, another name a manifest."""
    names = {"README": README, "config": CONFIG}
    written = [{"path": names[name], "content": text} for name, text in files.items()]
    return {"summary": "Write the settings of the web", "files": written, "deleted": [], "rollback": "Revert it."}


def authored(desk: Desk, documents: Documents, made: Any) -> tuple[ChangeSet, list[str]]:
    """The author job when the author gives this draft, and what the models read."""
    with scripted({"understand": [UNDERSTOOD], "outline": [OUTLINE], "draft": [made]}) as (models, seen):
        desk.models = models
        change = desk.author(documents)[0]
    assert isinstance(change, ChangeSet)
    write(documents.folder / "findings.json", CLEAN)
    return change, [prompt(one) for one in seen]


def proposed(desk: Desk, documents: Documents) -> Proposal:
    (proposal,) = desk.propose(documents)
    assert isinstance(proposal, Proposal)
    return proposal


def first(desk: Desk) -> Proposal:
    """A pull request of what a model wrote."""
    file(desk, ASKED)
    documents = desk.documents()
    desk.intake(documents, desk.last("issues"))
    change, _ = authored(desk, documents, draft(config=config("quiet"), README="# Web\n"))
    assert (change.status, change.begun_from) == ("written", None), change.reasons
    return proposed(desk, documents)


def pushed(desk: Desk, path: str, text: str) -> str:
    """A person's commit on the branch; its name."""
    person = desk.person("casey")
    if path == EVIL:
        return str(person.create_file(path, "more", text, branch="agent/1")["commit"].sha)
    stands: Any = person.get_contents(path, ref="agent/1")
    return str(person.update_file(path, "mine", text, stands.sha, branch="agent/1")["commit"].sha)


def held(desk: Desk, path: str) -> str:
    found: Any = desk.person("casey").get_contents(path, ref="agent/1")
    return str(found.decoded_content.decode())


def test_a_revision_begins_from_the_branch_and_keeps_what_people_wrote_there(desk: Desk) -> None:
    first(desk)
    by_hand = pushed(desk, README, "# Web\n\nKept by casey.\n")
    request, documents = desk.say(1, "/agent revise make it loud")
    assert request.status == "accepted"
    change, prompts = authored(desk, documents, draft(config=config("loud")))
    for text in prompts:  # strategist, outline, draft
        assert "Kept by casey." in text
        assert "level: quiet" in text
        assert "make it loud" in text
    assert (change.status, change.begun_from) == ("written", by_hand)
    # The change is the whole of it, against the default branch.
    assert {one.path: one.content for one in change.files} == {
        CONFIG: config("loud"), README: "# Web\n\nKept by casey.\n",
    }  # fmt: skip
    assert change.scope is not None
    assert change.scope.units == (UNIT,)
    proposal = proposed(desk, documents)
    assert proposal.status == "proposed"
    assert (held(desk, CONFIG), held(desk, README)) == (config("loud"), "# Web\n\nKept by casey.\n")
    parents = desk.person("morgan").get_commit(proposal.head_sha or "").parents
    assert [one.sha for one in parents] == [by_hand]


def test_what_the_author_saw_may_be_changed_on_demand_and_what_came_later_may_not(desk: Desk) -> None:
    first(desk)
    pushed(desk, README, "# Web\n\nKept by casey.\n")
    _, documents = desk.say(1, "/agent revise say in the readme what it is for")
    change, _ = authored(desk, documents, draft(config=config("loud"), README="# Web\n\nFor the web.\n"))
    assert change.status == "written"
    # casey pushes while the author writes.
    later = pushed(desk, README, "# Web\n\nNobody saw this.\n")
    proposal = proposed(desk, documents)
    assert proposal.status == "refused"
    assert "people changed" in proposal.reasons[0]
    assert held(desk, README) == "# Web\n\nNobody saw this.\n"
    # Had the author begun from there, it would have been seen.
    write(documents.folder / "change.json", change.model_copy(update={"begun_from": later}))
    assert proposed(desk, documents).status == "proposed"
    assert held(desk, README) == "# Web\n\nFor the web.\n"


def test_what_people_pushed_beside_it_is_judged_with_the_rest(desk: Desk) -> None:
    """A file that the author does not touch belongs to the change, and the gate sees it."""
    first(desk)
    pushed(desk, EVIL, ROLE_BINDING)
    _, documents = desk.say(1, "/agent revise make it loud")
    change, prompts = authored(desk, documents, draft(config=config("loud")))
    assert change.status == "refused"
    assert change.refusals[0].rule == "author/no-draft"
    assert "ClusterRoleBinding" in prompts[1]


def test_a_command_that_asks_for_nothing_more_goes_on_with_what_stands(desk: Desk) -> None:
    first(desk)
    _, documents = desk.say(1, "/agent revise make it loud")
    nothing = draft()
    change, _ = authored(desk, documents, nothing)
    # What was asked for is not there: an empty answer is none.
    assert change.status == "unfinished"
    assert "nothing would change" in change.reasons[0]
    request = documents.need(Request)
    write(documents.folder / "request.json", request.model_copy(update={"trigger": "override"}))
    change, _ = authored(desk, documents, nothing)
    assert change.status == "written"
    assert {one.path: one.content for one in change.files} == {CONFIG: config("quiet"), README: "# Web\n"}
