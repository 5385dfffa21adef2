"""A role, blocks of data and a type -> an answer of that type, within bounds, whoever of the role's models gives it."""

import asyncio
import json
import math
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from agent.domain import ModelCall
from agent.errors import AgentError
from agent.models.budget import Budget
from agent.models.data import BYTES_A_TOKEN, Block, prepare
from agent.models.outcomes import outcome_of
from agent.models.providers import Providers, model_of
from agent.models.roles import Limits, Role
from agent.render.redact import holds, redact

if TYPE_CHECKING:
    from pydantic_ai import ModelSettings, Tool, UserContent
    from pydantic_ai.usage import RunUsage

T = TypeVar("T")
Outcome = Literal["ok", "refused", "cut", "malformed", "timeout", "overloaded", "unavailable", "budget", "loop"]
assert set(get_args(Outcome)) == set(get_args(ModelCall.model_fields["outcome"].annotation))
# How often a model may be told that its answer is not of the type that was asked for.
REPEATS = 2
# How often one request is sent again after 429, 500, 529 or a lost connection; Retry-After is honoured by the SDKs.
RESENDS = 2
MOST_TOOL_CHARACTERS = 24_000


@dataclass(frozen=True)
class Reading:
    """A tool as a model may call it: it only reads, and answers with text. `parameters` describes its arguments."""

    name: str
    description: str
    parameters: type[BaseModel]
    run: Callable[[Any], str]


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a role answered. `value` is there exactly when `outcome` is `ok`; `reason` says in our words why it is not.

    `calls` holds one record for each model that was asked; `removed` says what was cleaned out of the data.
    """

    value: T | None
    outcome: Outcome
    reason: str
    calls: tuple[ModelCall, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Models:
    """The models that may be asked, and how much more they may take. `calls` holds every record of this process.

    `tell` hears a line before and after each call, `note` its record; `transcript`, where it is given, hears the role,
    the question and what was answered, redacted.
    """

    providers: Providers
    budget: Budget
    tell: Callable[[str], None] = lambda line: None
    note: Callable[[ModelCall], None] = lambda call: None
    transcript: Callable[[str, str], None] | None = None
    calls: list[ModelCall] = field(default_factory=list)

    def can(self, role: Role) -> bool:
        """Whether any model of the role is configured."""
        return any(self.providers.can(name) for name in role.models)

    def ask(
        self,
        role: Role,
        blocks: Sequence[Block],
        output: type[T],
        *,
        tools: Sequence[Reading] = (),
        task: str = "",
        secrets: Collection[str] = (),
    ) -> Answer[T]:
        """Ask the role's models in their order until one answers with an `output`.

        `task` is a sentence of ours that stands behind the data. A refusal, and what one question or the budget may
        not exceed, ends it at once: another model would be asked only to get round it.
        """
        known = (*secrets, *self.providers.secrets())
        data = prepare(blocks, secrets=known)
        question = f"{data.text}\n\n{task}".strip()
        made: list[ModelCall] = []
        reason = f"no model of the role {role.name} is configured: {', '.join(role.models)}"
        outcome: Outcome = "unavailable"
        for name in (name for name in role.models if self.providers.can(name)):
            if why := self.budget.exhausted(tuple(self.calls), role):
                return Answer(None, "budget", why, tuple(made), data.removed)
            self.tell(allowance(role, name, self.budget.left(tuple(self.calls), role)))
            parts = (data.again, question.removeprefix(data.again).strip())
            value, call, reason = asyncio.run(self._once(role, name, parts, output, tools, known))
            made.append(call)
            self.calls.append(call)
            self.note(call)
            self.tell(line_of(call))
            outcome = call.outcome
            if value is not None or outcome in ("refused", "budget", "loop"):
                return Answer(value, outcome, reason, tuple(made), data.removed)
        return Answer(None, outcome, reason, tuple(made), data.removed)

    async def _once(
        self,
        role: Role,
        name: str,
        question: tuple[str, str],
        output: type[T],
        tools: Sequence[Reading],
        secrets: Collection[str],
    ) -> tuple[T | None, ModelCall, str]:
        from pydantic_ai import Agent, capture_run_messages
        from pydantic_ai.usage import RunUsage, UsageLimits

        left = self.budget.left(tuple(self.calls), role)
        usage = RunUsage()
        value: T | None = None
        outcome: Outcome = "ok"
        reason = ""
        model, client = model_of(name, self.providers)
        with capture_run_messages() as messages, _quiet():
            async with client:
                agent = Agent(
                    model,
                    output_type=output,
                    instructions=role.prompt,
                    tools=[_tool(one, secrets) for one in tools],
                    retries=REPEATS,
                    model_settings=_settings(role, left),
                )
                began = time.monotonic()  # the libraries are loaded by now, and that was no model's time
                try:
                    with agent.parallel_tool_call_execution_mode("sequential"):
                        run = await agent.run(
                            _prompt(name, *question),
                            usage=usage,
                            usage_limits=UsageLimits(
                                request_limit=left.requests,
                                tool_calls_limit=left.requests * 4,
                                input_tokens_limit=left.input_tokens,
                                output_tokens_limit=left.output_tokens,
                                cost_limit=Decimal(str(left.usd)),
                            ),
                            timeout=left.seconds,
                        )
                    if holds(TypeAdapter(output).dump_json(run.output).decode(), secrets):
                        outcome, reason = "malformed", "the answer held a secret of this job; it is not kept"
                    else:
                        value = run.output
                except Exception as error:  # noqa: BLE001 - every failure of a model is an outcome, and is counted
                    outcome, reason = outcome_of(error)
        call = record(role, name, outcome, usage, time.monotonic() - began, messages=messages)
        if self.transcript is not None:
            self.transcript(role.name, _redacted("\n\n".join(question).strip(), messages, secrets))
        return value, call, reason


def _prompt(model: str, again: str, rest: str) -> "str | Sequence[UserContent]":
    """A question, with a mark behind what stands in the next one too. Anthropic keeps only what is marked; the others
    find the same beginning themselves, and what is compatible with OpenAI may read no more than one text.
    """
    from pydantic_ai import CachePoint

    if again and model.startswith("anthropic:"):
        return [again, CachePoint(), rest]
    return f"{again}\n\n{rest}".strip()


def _redacted(question: str, messages: Sequence[Any], secrets: Collection[str]) -> str:
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    said = json.loads(ModelMessagesTypeAdapter.dump_json(list(messages))) if messages else question
    return json.dumps(_texts(said, lambda text: redact(text, values=secrets)), indent=1, ensure_ascii=False)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """`value`, as JSON has it, with each of its texts changed."""
    if isinstance(value, dict):
        return {change(key): _texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


@contextmanager
def _quiet() -> Iterator[None]:
    """A price or a usage that a provider does not say is part of the record, not a warning in the job's log."""
    from pydantic_ai import CostNotFoundWarning, UsageLimitUnavailableWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CostNotFoundWarning)
        warnings.simplefilter("ignore", UsageLimitUnavailableWarning)
        # What a server wrote where numbers belong; the texts of these repeat it.
        warnings.filterwarnings("ignore", message="Failed to extract usage")
        warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
        yield


def _settings(role: Role, left: Limits) -> "ModelSettings":
    """What every request of a role is sent with. The same prefix is read from the provider's cache; a provider ignores
    the settings of another.
    """
    from pydantic_ai import ModelSettings
    from pydantic_ai.models.anthropic import AnthropicModelSettings
    from pydantic_ai.models.openai import OpenAIResponsesModelSettings
    from pydantic_ai.settings import merge_model_settings

    general = ModelSettings(max_tokens=left.output_tokens, max_retries=RESENDS, timeout=left.seconds)
    anthropic = AnthropicModelSettings(
        anthropic_cache_instructions=True, anthropic_cache_tool_definitions=True, anthropic_cache=True
    )
    openai = OpenAIResponsesModelSettings(openai_prompt_cache_key=f"infra-agent-{role.name}-{role.version}")
    return merge_model_settings(merge_model_settings(general, anthropic), openai) or general


def record(
    role: Role, model: str, outcome: Outcome, usage: "RunUsage", seconds: float, *, messages: Sequence[Any]
) -> ModelCall:
    """The record of one call. A price that is not known is None, never 0.

    Of a provider that answers and counts nothing, or no number, the tokens of all `messages` count in every request: a
    ceiling would never be reached otherwise.
    """
    counted = usage.input_tokens and (usage.output_tokens or outcome != "ok")
    most = 0 if counted or not usage.requests else _tokens_of(messages)
    return ModelCall(
        role=role.name,
        model=model,
        prompt=role.version,
        outcome=outcome,
        requests=usage.requests,
        # A provider may write any number, a fraction too.
        input_tokens=max(math.ceil(usage.input_tokens), usage.requests * most),
        output_tokens=max(math.ceil(usage.output_tokens), most),
        cache_read_tokens=math.ceil(usage.cache_read_tokens),
        cache_write_tokens=math.ceil(usage.cache_write_tokens),
        seconds=round(seconds, 3),
        usd=float(usage.cost) if usage.cost is not None and not most else None,
    )


def _tokens_of(messages: Sequence[Any]) -> int:
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    return math.ceil(len(ModelMessagesTypeAdapter.dump_json(list(messages))) / BYTES_A_TOKEN)


def allowance(role: Role, model: str, left: Limits) -> str:
    """One line for a job's log before a call: what it may take."""
    return (
        f"{role.name}: asks {model}: at most {left.requests} requests, {left.input_tokens} tokens in, "
        f"{left.output_tokens} out, {left.seconds} s, ${left.usd:g}"
    )


def line_of(call: ModelCall) -> str:
    """One line for a job's log after a call: what it took."""
    price = f"${call.usd:.4f}" if call.usd is not None else "price not known"
    cached = f", {call.cache_read_tokens} of them from the cache" if call.cache_read_tokens else ""
    return (
        f"{call.role}: {call.model}: {call.outcome}, {call.requests} requests, {call.input_tokens} tokens in{cached}, "
        f"{call.output_tokens} out, {call.seconds:.1f} s, {price}"
    )


def _tool(reading: Reading, secrets: Collection[str]) -> "Tool[None]":
    from pydantic_ai import ModelRetry, Tool

    def run(**arguments: Any) -> str:
        try:
            given = reading.parameters.model_validate(arguments)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
            raise ModelRetry(f"{reading.name}: {wrong}") from None
        try:
            text = reading.run(given)
        except AgentError as error:
            text = f"{reading.name}: {error}"
        block = Block(label=f"tool {reading.name}", text=text, most=MOST_TOOL_CHARACTERS)
        return prepare([block], secrets=secrets).text

    return Tool.from_schema(run, reading.name, reading.description, reading.parameters.model_json_schema())
