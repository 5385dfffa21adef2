"""What the strategist, every author and the analyst send: two requests begin with the same bytes, at the wire."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from agent.author import analyst
from agent.author.catalog import load_blueprints
from agent.author.model import Bench, write
from agent.author.strategist import Grounds, understand
from agent.domain import Action, ChangeSet, File, Finding, Intent, Target
from agent.jobs.parts.drafting import readings
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import configured
from agent.models.roles import load_roles
from agent.models.tools.place import Place
from tests.author.scripted import script
from tests.author.values import make_request
from tests.models.conftest import MODELS
from tests.models.server import Format, Seen, serving

BOTH: tuple[Format, ...] = ("anthropic", "openai")
ROLES = load_roles(Path())
UNITS: Mapping[Target, str] = {
    "terraform": "infra/terraform/dev/queue",
    "ansible": "infra/ansible/queue",
    "kubernetes": "infra/kubernetes/dev/queue",
}
UNDERSTOOD = {
    "summary": "A queue", "target": "terraform", "environment": "dev", "risk": "low", "blueprint": "", "parameters": [],
    "actions": [{"verb": "create", "resource": "aws_sqs_queue", "parameters": [], "reason": "a queue"}],
    "units": [UNITS["terraform"]], "types": ["aws_sqs_queue"], "assumptions": [], "questions": [],
}  # fmt: skip
TEXTS = ("We need a queue for orders.", "Nobody may read the letters of our customers.")


def sent(name: str, form: Format, text: str) -> list[Seen]:
    """What a role asks about the request `text`, as a job of its own asks it: nothing is shared but the role's file. An
    author has one thing to mend, so it asks three times.
    """
    role = ROLES[name].model_copy(update={"models": (MODELS[form],)})
    request, place = make_request(text), cast(Place, None)  # no tool is called
    answers: dict[str, Sequence[Any]] = {
        "understand": [UNDERSTOOD], "outline": [{"types": ["aws_sqs_queue"], "edits": []}], "review": [{"points": []}],
    }  # fmt: skip
    target = cast(Target, name.removeprefix("author-"))
    unit = UNITS.get(target, "")
    files = [{"path": f"{unit}/README.md", "content": f"# {text}\n"}]
    if target == "terraform":
        output = 'output "x" {\n  description = "X."\n  value       = 1\n}\n'
        files.append({"path": f"{unit}/outputs.tf", "content": output})
    answers["draft"] = [{"summary": text, "files": files, "deleted": [], "rollback": "Revert it."}]
    with serving(script(form, answers)) as server:
        models = Models(configured(server.environ(form)), Budget())
        if name == "strategist":
            grounds = Grounds(environments=("dev",), blueprints=load_blueprints(), paths=())
            found = understand(request, grounds=grounds, readings=readings(place, role.tools), models=models, role=role)
            assert found.intent is not None, found.reason
        elif name == "analyst":
            change = ChangeSet(status="written", author="model:x", files=(File(path="infra/x", content=text),))
            made = analyst.review(
                request, change, intent=None, plan=None, findings=None, base={}, models=models, role=role
            )
            assert made.status == "passed", made.reason
        else:
            action = Action(verb="create", resource="aws_sqs_queue")
            intent = Intent(summary=text, target=target, environment="dev", units=(unit,), actions=(action,))
            wrong = Finding(source="yamllint", rule="yamllint/x", severity="high", message="", path=f"{unit}/README.md")
            found_at_first = [[wrong], []]
            bench = Bench(
                base={}, readings=readings(place, role.tools), describe=lambda name: f"what {name} has",
                examine=lambda files: found_at_first.pop(0),
            )  # fmt: skip
            done = write(request, intent, bench=bench, models=models, role=role)
            assert done.status == "written", done
        return list(server.seen)


def prefix(form: Format, seen: Seen) -> bytes:
    """What stands before the conversation, in a provider's order, as it was sent: its keys and spaces count."""
    names = ("tools", "tool_choice", "system") if form == "anthropic" else ("tools", "tool_choice", "instructions")
    parts = [
        json.dumps(seen.body[name], separators=(",", ":"), ensure_ascii=False).encode()
        for name in names
        if name in seen.body
    ]
    assert all(part in seen.raw for part in parts)
    return b"\n".join(parts)


def beginning(form: Format, seen: Seen) -> str:
    """The question itself: with Anthropic its first part, which is marked to be kept; else all of it."""
    if form == "openai":
        return str(seen.body["input"][0]["content"])
    part = seen.body["messages"][0]["content"][0]
    assert part["cache_control"]["type"] == "ephemeral"
    return str(part["text"])


def common(one: str, other: str) -> str:
    """How both texts begin."""
    ends = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return one[: next(ends, min(len(one), len(other)))]


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("name", ["strategist", *(f"author-{target}" for target in UNITS), "analyst"])
def test_two_requests_begin_with_the_same_bytes(name: str, form: Format) -> None:
    role = ROLES[name]
    first, second = (sent(name, form, text) for text in TEXTS)
    assert len(first) == len(second) == (3 if name.startswith("author-") else 1)
    for one, other in zip(first, second, strict=True):
        assert one.raw != other.raw
        same = prefix(form, one)
        assert same == prefix(form, other)
        assert json.dumps(role.prompt, ensure_ascii=False).encode()[1:-1] in same
        at = [same.index(f'"name":"{tool}"'.encode()) for tool in role.tools]
        assert at == sorted(at)
        for seen in (one, other):
            if form == "openai":
                assert seen.body["prompt_cache_key"] == f"infra-agent-{name}-{role.version}"
            else:
                # Marks stand behind the tools and the prompt; one of the whole moves on with the conversation.
                marked = [part for part in (*seen.body["tools"], *seen.body["system"]) if "cache_control" in part]
                assert marked == [seen.body["tools"][-1], seen.body["system"][-1]]
                assert seen.body["cache_control"]["type"] == "ephemeral"


@pytest.mark.parametrize("form", BOTH)
def test_what_a_house_has_is_read_again_with_the_next_request(form: Format) -> None:
    begun = [beginning(form, seen) for text in TEXTS for seen in sent("strategist", form, text)]
    same = common(*begun)
    assert all(one.when_to_use.strip() in same for one in load_blueprints().values())
    assert not any(text in same for text in TEXTS)
    assert (begun[0] == same) == (form == "anthropic")


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("target", UNITS)
def test_what_an_author_knows_is_read_again_when_it_mends_its_draft(target: Target, form: Format) -> None:
    _, drafts, mends = sent(f"author-{target}", form, TEXTS[0])
    assert prefix(form, drafts) == prefix(form, mends)
    same = common(beginning(form, drafts), beginning(form, mends))
    assert "what aws_sqs_queue has" in same
    assert '"edits": []' in same, "its outline, the last of what it knows"
    assert (beginning(form, drafts) == same) == (form == "anthropic")
