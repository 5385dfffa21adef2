"""Every way in which a model fails, in every role, through the job that asks it: a valid change or a clear comment.

The faults themselves are in tests/models/test_faults.py; here stands what people read of them and what is kept.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import git
import pytest

from agent.documents import Documents, write
from agent.domain import (
    Change,
    ChangeSet,
    Findings,
    Intent,
    ModelCall,
    Plan,
    Review,
    Scope,
    UnitPlan,
    Verdict,
)
from agent.guardrails import load_guardrails
from agent.jobs import author, review
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import configured
from agent.models.roles import Role, load_roles
from agent.render.page import Context
from agent.render.review import review_section
from agent.render.status import status
from agent.settings import load_settings
from agent.tools import Tools
from agent.verdict import judge
from tests.author.scripted import script
from tests.author.values import make_request
from tests.jobs.conftest import PROJECT
from tests.models.conftest import hurry
from tests.models.server import Format, Reply, Server, fault, refusal, serving, text, tool

SETTINGS, GUARDRAILS, ROLES = load_settings(PROJECT), load_guardrails(PROJECT), load_roles(PROJECT)
UNIT = "infra/kubernetes/dev/banner"
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: banner\n  namespace: banner\ndata:\n  text: Welcome.\n"
FILES = {"banner.yaml": MANIFEST, "README.md": "# banner\n\nThe text of the banner.\n"}
SCOPE = Scope(environment="dev", units=(UNIT,), types={"ConfigMap": ("create",)}, max_creates=1)
INTENT = Intent(summary="A banner", environment="dev", target="kubernetes", units=(UNIT,), types=("ConfigMap",))
GOOD: Mapping[str, Any] = {
    "understand": {
        "summary": "A banner for the shop", "target": "kubernetes", "environment": "dev", "risk": "low",
        "blueprint": "", "parameters": [], "units": [UNIT], "types": ["ConfigMap"], "assumptions": [], "questions": [],
        "actions": [{"verb": "create", "resource": "ConfigMap banner", "parameters": [], "reason": "a banner"}],
    },
    "outline": {"types": ["ConfigMap"], "edits": []},
    "draft": {
        "summary": "Write the banner", "deleted": [], "rollback": "Revert it.",
        "files": [{"path": f"{UNIT}/{name}", "content": content} for name, content in FILES.items()],
    },
    "review": {"points": []},
}  # fmt: skip
# Step of the pipeline -> the role that is asked there, and in whose wire format.
STEPS: Mapping[str, tuple[str, Format]] = {
    "understand": ("strategist", "anthropic"),
    "outline": ("author-kubernetes", "anthropic"),
    "draft": ("author-kubernetes", "anthropic"),
    "review": ("analyst", "openai"),
}
MODELS: Mapping[Format, str] = {"anthropic": "anthropic:claude-haiku-4-5", "openai": "openai:gpt-5-mini"}
OTHER: Mapping[Format, Format] = {"anthropic": "openai", "openai": "anthropic"}


@dataclass(frozen=True)
class Fault:
    """A way to fail: what the server replies for ever, the outcome, why in words, the requests that it takes at most,
    and whether an answer came whose tokens are to be paid.
    """

    reply: Callable[[Format, str], Reply]
    outcome: str
    said: str
    requests: int
    paid: bool = False


def broken(form: Format, kind: str) -> Reply:
    """The connection ends in the middle of an answer that would have been good."""
    return Reply(text(form, GOOD[kind]).body, cut=40)


def cut(form: Format, kind: str) -> Reply:
    stop = {"anthropic": "max_tokens", "openai": "max_output_tokens"}[form]
    return text(form, '{"points": [{"top', stop=stop)


OVERLOADED = "the model's provider takes no more requests now"
FORM = "the model's answers were not of the form that was asked for"
FAULTS: Mapping[str, Fault] = {
    "429": Fault(lambda form, kind: fault(form, 429, "rate_limit_error"), "overloaded", OVERLOADED, 3),
    "500": Fault(lambda form, kind: fault(form, 500, "api_error"), "unavailable", "provider answered 500", 3),
    "529": Fault(lambda form, kind: fault(form, 529, "overloaded_error"), "overloaded", OVERLOADED, 3),
    "hang": Fault(lambda form, kind: Reply(hang=20), "timeout", "did not answer in time", 1),
    "cut stream": Fault(broken, "unavailable", "could not be reached, or broke off", 3),
    "cut answer": Fault(cut, "cut", "cut by the limit of tokens", 1, paid=True),
    "refusal": Fault(lambda form, kind: refusal(form), "refused", "the model refused to answer", 1, paid=True),
    "not JSON": Fault(lambda form, kind: text(form, "I would rather talk."), "malformed", FORM, 3, paid=True),
    "wrong schema": Fault(lambda form, kind: text(form, {"risk": 5}), "malformed", FORM, 3, paid=True),
    "loop": Fault(lambda form, kind: tool(form, "list-units", {}), "loop", "went on calling tools", 4, paid=True),
    "10 MB": Fault(
        lambda form, kind: Reply(text(form, GOOD[kind]).body, flood=10 * 1024 * 1024),
        "malformed", "sent more than is read of an answer", 1,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class End:
    """How it ended: what was made, what people read of it, and every request that a provider saw."""

    made: ChangeSet | Review
    shown: str
    calls: tuple[ModelCall, ...]
    seen: int
    verdict: Verdict | None = None


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout that holds the policies, and nothing below infra/ yet."""
    folder = tmp_path_factory.mktemp("faults") / "checkout"
    (folder / "policies").mkdir(parents=True)
    for name in ("severity.yml", "waivers.yml", "guardrails.yml"):
        (folder / "policies" / name).write_text((PROJECT / "policies" / name).read_text())
    repo = git.Repo.init(folder, initial_branch="main")
    repo.index.add(["policies/guardrails.yml"])
    repo.index.commit("Policies")
    yield folder
    repo.close()


def roles_of(step: str, *, second: bool, seconds: int) -> dict[str, Role]:
    """The packaged roles, each with one model, or with a second of the other provider behind it; small limits, and
    `seconds` for the role that is asked in `step`.
    """
    found = dict(ROLES)
    for name, form in set(STEPS.values()):
        models = (MODELS[form], MODELS[OTHER[form]]) if second else (MODELS[form],)
        small = {"requests": 4, "seconds": seconds if name == STEPS[step][0] else 60}
        limits = found[name].limits.model_copy(update=small)
        tools = ("list-units",) if name != "analyst" else ()
        found[name] = found[name].model_copy(update={"models": models, "limits": limits, "tools": tools})
    return found


def ended(root: Path, folder: Path, step: str, first: Server, second: Server | None, *, seconds: int = 60) -> End:
    """The job that asks in `step`, with a provider at `first` and, where there is one, another at `second`."""
    form = STEPS[step][1]
    environ = first.environ(form) | (second.environ(OTHER[form]) if second else {})
    models = Models(configured(environ), Budget())
    request = make_request("A banner for the shop, as a manifest.", title="A banner").model_copy(
        update={"base_sha": git.Repo(root).head.commit.hexsha, "fields": {"environment": "dev"}}
    )
    roles = roles_of(step, second=second is not None, seconds=seconds)
    context = Context(repository="https://forge.example/acme/infra", run="https://forge.example/runs/1")
    folder.mkdir()
    documents = Documents(folder)
    write(folder / "request.json", request)
    if step != "review":
        change, intent = author.run(
            documents, root=root, settings=SETTINGS, guardrails=GUARDRAILS,
            clock=lambda: datetime(2026, 1, 2, tzinfo=UTC), models=models, roles=roles, tools=Tools(environment={}),
            pythons=dict.fromkeys(("checkov", "ansible", "kubernetes"), ""), secrets=(),
        )  # fmt: skip
        shown = status(context, request=request, intent=intent, change=change)
        return End(change, shown, (*intent.calls, *change.calls), len(first.seen))
    files = tuple({"path": f"{UNIT}/{name}", "content": content} for name, content in FILES.items())
    change = ChangeSet.model_validate(
        {"status": "written", "author": "model:x", "files": files, "units": (UNIT,), "scope": SCOPE}
    )
    planned = Change(address="ConfigMap/banner", type="ConfigMap", verbs=("create",))
    plan = Plan(
        commit="c" * 40, units=(UnitPlan(unit=UNIT, target="kubernetes", status="planned", changes=(planned,)),)
    )
    for document in (change, plan, Findings(), INTENT):
        write(folder / f"{document.name}.json", document)
    made = review.run(documents, root=root, guardrails=GUARDRAILS, models=models, roles=roles)
    shown = review_section(context, made, commit="c" * 40, required=True)
    judged = judge(change=change, findings=None, proposal=None, plan=plan, review=made)
    return End(made, shown, made.calls, len(first.seen), judged)


@pytest.fixture(scope="module")
def ends(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[tuple[str, str], "Future[End]"]]:
    """Every fault in every step, and the same steps with a dead primary and a live second, a few at a time."""
    folder = tmp_path_factory.mktemp("documents")

    def failing(step: str, name: str) -> End:
        form = STEPS[step][1]
        reply = FAULTS[name].reply(form, step)
        with serving(script(form, {kind: [said] for kind, said in {**GOOD, step: reply}.items()})) as server:
            seconds = 4 if name == "hang" else 60
            return ended(root, folder / f"{step}-{name}", step, server, None, seconds=seconds)

    def replaced(step: str) -> End:
        form = STEPS[step][1]
        dead = {**GOOD, step: fault(form, 529, "overloaded_error")}
        with (
            serving(script(form, {kind: [said] for kind, said in dead.items()})) as first,
            serving(script(OTHER[form], {kind: [said] for kind, said in GOOD.items()})) as second,
        ):
            return ended(root, folder / f"{step}-second", step, first, second)

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(max_workers=6) as pool:
        hurry(patched)
        yield {
            **{(step, name): pool.submit(failing, step, name) for name in FAULTS for step in STEPS},
            **{(step, "second"): pool.submit(replaced, step) for step in STEPS},
        }


Ends = Mapping[tuple[str, str], "Future[End]"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_strategist_without_an_answer_leaves_the_request_to_the_rules_and_says_so(ends: Ends, name: str) -> None:
    fault, end = FAULTS[name], ends["understand", name].result(timeout=60)
    assert isinstance(end.made, ChangeSet)
    assert (end.made.status, end.made.files) == ("needs-info", ())
    bounded(end, fault)
    assert "gave no usable answer, so rules alone read it" in end.shown
    assert fault.said in plain(end.shown)
    assert "/agent revise" in end.shown


@pytest.mark.parametrize("step", ["outline", "draft"])
@pytest.mark.parametrize("name", FAULTS)
def test_an_author_without_an_answer_leaves_it_to_a_person_and_says_so(ends: Ends, name: str, step: str) -> None:
    fault, end = FAULTS[name], ends[step, name].result(timeout=60)
    assert isinstance(end.made, ChangeSet)
    assert (end.made.status, end.made.files) == ("refused", ())
    bounded(end, fault, before=1 if step == "outline" else 2)
    assert "the author gave no usable answer" in end.shown
    assert fault.said in plain(end.shown)
    assert "Put the label on again to try once more" in end.shown
    assert "What language models took" in end.shown


@pytest.mark.parametrize("name", FAULTS)
def test_an_analyst_without_an_answer_is_no_opinion_and_says_so(ends: Ends, name: str) -> None:
    fault, end = FAULTS[name], ends["review", name].result(timeout=60)
    if name == "loop":  # it has no tool, so whatever it calls is no answer
        fault = Fault(fault.reply, "malformed", FORM, 3, paid=True)
    assert isinstance(end.made, Review)
    assert (end.made.status, end.made.findings) == ("inconclusive", ())
    bounded(end, fault)
    assert "A model was asked and gave no usable answer" in end.shown
    assert fault.said in plain(end.shown)
    assert "/agent review" in end.shown
    assert end.verdict is not None
    assert any(fault.said in reason for reason in end.verdict.reasons), "and the change is not ready"


@pytest.mark.parametrize("step", STEPS)
def test_a_dead_primary_with_a_live_second_ends_as_if_nothing_had_been(ends: Ends, step: str) -> None:
    end = ends[step, "second"].result(timeout=60)
    role, form = STEPS[step]
    assert end.made.status == ("passed" if step == "review" else "written")
    outcomes = [(call.model, call.outcome) for call in end.calls if call.role == role]
    at = outcomes.index((MODELS[form], "overloaded"))
    assert outcomes[at + 1] == (MODELS[OTHER[form]], "ok")
    assert all(outcome == "ok" for _, outcome in (*outcomes[:at], *outcomes[at + 1 :]))


def bounded(end: End, fault: Fault, *, before: int = 0) -> None:
    """The last call is the one that failed, as it should have, after `before` good ones; its usage is kept."""
    assert [call.outcome for call in end.calls] == ["ok"] * before + [fault.outcome]
    assert end.seen == before + fault.requests
    assert (end.calls[-1].output_tokens > 0) == fault.paid
    assert end.calls[-1].seconds < 10


def plain(shown: str) -> str:
    """Markdown without the signs that keep what others wrote inert."""
    return shown.replace("\\", "").replace("&#39;", "'")
