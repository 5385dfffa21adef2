"""The same questions against `@copilotkit/aimock`, which nobody here wrote: both protocols, tools, faults, failover."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from agent.models.budget import Budget
from agent.models.call import Models, Reading
from agent.models.data import Block
from agent.models.providers import configured
from tests.models.aimock import USAGE, Aimock, answers, calls, fails, running
from tests.models.conftest import MODELS, role_of
from tests.models.server import KEY, Format

pytestmark = pytest.mark.usefixtures("patience")
BOTH: tuple[Format, ...] = ("anthropic", "openai")


class Said(BaseModel):
    words: str


class File(BaseModel):
    path: str


READ = Reading("read-file", "Reads a file.", File, lambda given: f"text of {given.path}")


FIXTURES = [
    calls("read-file", {"path": "x.tf"}, userMessage="with a tool", hasToolResult=False),
    answers({"words": "done"}, userMessage="with a tool", toolResultContains="text of x.tf"),
    calls("read-file", {"path": "x"}, systemMessage="Be endless."),
    {
        "match": {"systemMessage": "Be cut."},
        "response": {"content": '{"words": "hal', "finishReason": "length", "usage": USAGE},
    },
    answers("I would rather talk.", systemMessage="Be prose."),
    fails(529, "overloaded_error", systemMessage="Be overloaded."),
    fails(401, "authentication_error", userMessage="one is down", model="claude-haiku-4-5"),
    answers({"words": "second"}, userMessage="one is down", model="gpt-5-mini"),
]


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    with running(FIXTURES, tmp_path_factory.mktemp("aimock")) as server:
        yield server


def models(aimock: Aimock) -> Models:
    return Models(configured(aimock.environ), Budget())


@pytest.mark.parametrize("form", BOTH)
def test_tools_and_a_typed_answer_over_the_protocol(aimock: Aimock, form: Format) -> None:
    question = (Block(label="request", text="a bucket with a tool"),)
    answer = models(aimock).ask(role_of(MODELS[form]), question, Said, tools=(READ,))
    assert answer.value == Said(words="done"), answer
    assert answer.calls[0].requests == 2
    assert answer.calls[0].output_tokens == 60
    assert answer.calls[0].usd is not None
    assert KEY not in repr(answer)


@pytest.mark.parametrize(
    ("form", "asked", "outcome"),
    [
        ("anthropic", "endless", "loop"),
        ("openai", "endless", "loop"),
        ("anthropic", "cut", "cut"),
        ("openai", "cut", "malformed"),  # unlike OpenAI, aimock does not say why an answer is incomplete
        ("anthropic", "prose", "malformed"),
        ("openai", "prose", "malformed"),
        ("anthropic", "overloaded", "overloaded"),
        ("openai", "overloaded", "overloaded"),
    ],
)
def test_each_fault_has_its_outcome(aimock: Aimock, form: Format, asked: str, outcome: str) -> None:
    # The role's words stand in every request of a question, so its fixture answers all of them.
    role = role_of(MODELS[form]).model_copy(update={"prompt": f"Be {asked}."})
    answer = models(aimock).ask(role, (Block(label="request", text="a bucket"),), Said, tools=(READ,))
    assert (answer.value, answer.outcome) == (None, outcome), answer


def test_a_dead_primary_has_a_live_second(aimock: Aimock) -> None:
    role = role_of(MODELS["anthropic"], MODELS["openai"])
    answer = models(aimock).ask(role, (Block(label="request", text="one is down"),), Said)
    assert answer.value == Said(words="second")
    assert [call.outcome for call in answer.calls] == ["unavailable", "ok"]


def test_what_it_was_sent_is_data_between_marks_and_holds_no_key(aimock: Aimock) -> None:
    models(aimock).ask(role_of(MODELS["openai"]), (Block(label="request", text="one is down"),), Said)
    entry = aimock.journal()[-1]
    assert entry["path"] == "/v1/responses"
    assert "<data-" in str(entry["body"])
    assert KEY not in str(entry["body"])
