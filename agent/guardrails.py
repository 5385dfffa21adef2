"""`policies/guardrails.yml` -> Guardrails: what a platform team allows at all; refused at the line when it is wrong."""

from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from agent.domain import Risk
from agent.settings import Name, Section, Shape, parse, read

GUARDRAILS_PATH = "policies/guardrails.yml"
RISKS: tuple[Risk, ...] = ("low", "medium", "high", "critical")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as UTC or Europe/Berlin") from error
    return name


def _local(moment: date | datetime) -> date | datetime:
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        raise ValueError("must be a local time without an offset; the time zone stands in time_zone")
    return moment


def _named(environments: Any) -> Any:
    plain = isinstance(environments, list | tuple) and all(isinstance(name, str) for name in environments)
    return {name: {} for name in environments} if plain else environments


Zone = Annotated[str, AfterValidator(_zone)]
Moment = Annotated[
    date | datetime,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2})?$"}),
]
Clock = Annotated[str, Shape(r"([01]\d|2[0-3]):[0-5]\d|24:00", 'a time such as "09:00", in quotes, up to "24:00"')]
Region = Annotated[str, Shape(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-east-1")]
Source = Annotated[str, Shape(r"([a-z0-9.-]+\.[a-z]+/)?[a-z0-9-]+/[a-z0-9-]+", "namespace/name, such as hashicorp/aws")]
Address = Annotated[
    str,
    Shape(
        r"(?!.*\.\.)(git::https://)?[A-Za-z0-9.-]+(/[A-Za-z0-9._-]+)+/?",
        "the beginning of an address, such as acme/vpc/aws or git::https://git.acme.example/modules",
    ),
]
Registry = Annotated[
    str,
    Shape(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*/?", "the beginning of an image name, such as registry.acme.example/"),
]
Type = Annotated[str, Shape(r"[a-z][a-z0-9_]+", "a resource type such as aws_s3_bucket, without *")]
TypePattern = Annotated[str, Shape(r"[a-z0-9_*]+", "a resource type such as aws_s3_bucket or aws_s3_*")]
RulePattern = Annotated[
    str,
    Shape(
        r"[a-z][a-z0-9-]*(/([a-z0-9-]+|[a-z0-9-]*\*))?",
        "a rule such as preflight/window, or a family such as preflight/*",
    ),
]
Login = Annotated[str, Shape(r"[A-Za-z0-9](-?[A-Za-z0-9])*", "a login, without @")]
Team = Annotated[str, Shape(r"([A-Za-z0-9-]+/)?[a-z0-9][a-z0-9_-]*", "a team, as its short name or organisation/name")]
Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class PlanLimits(Section):
    """How much one change may do. Counts are over all units of the change."""

    max_creates: Count = 100
    """Resources that one change may create, replacements included."""
    max_destroys: Count = 0
    """Resources that one change may destroy, replacements included."""
    max_monthly_usd: Usd | None = None
    """Ceiling of the known monthly cost, after the change, of the units that it touches. Absent: none."""
    max_monthly_increase_usd: Usd | None = None
    """Ceiling of what one change may add to the known monthly cost. Absent: none."""


class Limits(PlanLimits):
    """How much one change may hold and do."""

    max_files: Annotated[int, Field(ge=1, le=1000)] = 100
    """Files in one change."""
    max_file_bytes: Annotated[int, Field(ge=1, le=1_000_000)] = 200_000
    """Bytes in one file."""


class EnvironmentRules(Section):
    """What one environment allows, beside what holds for all of them."""

    regions: tuple[Region, ...] = ()
    """Regions in which its resources may be. Empty: no limit beside the region in `.github/infra-agent.yml`."""
    limits: PlanLimits = PlanLimits()
    """Limits of this environment; each one that is given replaces the general one."""
    quotas: dict[TypePattern, Count] = Field(default_factory=dict)
    """Resources of a type (`*` stands for any text) that all units of the environment may hold together."""
    golden_paths_only: bool = False
    """Whether a request has to be one for a golden path."""
    production: bool | None = None
    """Whether what runs there is production. Absent: when its name begins with `prod` or `live`."""


class Window(Section):
    """When changes may be made. An environment that no window names is always open."""

    environments: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Environments that it is for. They are closed outside of all their windows."""
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """Days on which it opens."""
    opens: Clock
    """Local time, such as "09:00"."""
    closes: Clock
    """Local time, such as "16:00"; one before `opens` is on the next day; "24:00" is midnight."""
    time_zone: Zone = ""
    """IANA name, such as Europe/Berlin. Absent: that of the whole file."""

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.opens == self.closes or self.opens == "24:00":
            raise ValueError('opens and closes leave no time between them; a whole day is "00:00" to "24:00"')
        return self


class Freeze(Section):
    """When no change may be made, whatever the windows say."""

    environments: tuple[Name, ...] = ()
    """Environments that it is for. Empty: all."""
    starts: Moment
    """Local day, such as 2026-12-18, or time, such as 2026-12-18T18:00:00."""
    ends: Moment
    """Local day, which is frozen to its end, or time, from which on it is over."""
    reason: Annotated[str, Field(min_length=3)]
    """Shown to everyone whom it stops."""
    time_zone: Zone = ""
    """IANA name, such as Europe/Berlin. Absent: that of the whole file."""

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        starts, ends = (
            moment if isinstance(moment, datetime) else datetime.combine(moment, edge)
            for moment, edge in ((self.starts, time.min), (self.ends, time.max))
        )
        if ends <= starts:
            raise ValueError("ends before it starts")
        return self


class Approval(Section):
    """How many people have to approve, and who they may be."""

    count: Annotated[int, Field(ge=1, le=6)] = 1
    """How many different people."""
    teams: tuple[Team, ...] = ()
    """Teams whose members count, as `team` or `organisation/team`."""
    logins: tuple[Login, ...] = ()
    """People who count. With neither teams nor logins, everyone counts who may write to the repository."""


class Override(Section):
    """Who may lift a refusal of the preflight with `/agent override <rule> <reason>`."""

    rules: Annotated[tuple[RulePattern, ...], Field(min_length=1)]
    """Ids of rules of the preflight, such as `preflight/window`; a `*` at the end stands for any text."""
    teams: tuple[Team, ...] = ()
    """Teams whose members may, as `team` or `organisation/team`."""
    logins: tuple[Login, ...] = ()
    """People who may."""

    @model_validator(mode="after")
    def _names_someone(self) -> Self:
        if not self.teams and not self.logins:
            raise ValueError("must name the teams or the logins who may override")
        return self


class ResourceTypes(Section):
    """Which types of resources may be asked for; `*` stands for any text."""

    allow: Annotated[tuple[TypePattern, ...], Field(min_length=1)] = ("*",)
    """Types that may be used, such as `aws_s3_*`."""
    deny: tuple[TypePattern, ...] = ()
    """Types that may not, whatever `allow` says."""
    golden_path: tuple[TypePattern, ...] = ()
    """Types that only a golden path may write."""


class Budgets(Section):
    """What language models may use in a day (UTC), over all requests."""

    tokens_per_day: Count | None = None
    """Tokens, in and out. Absent: no limit."""
    usd_per_day: Usd | None = None
    """Dollars at list price. Absent: no limit."""


class Reviews(Section):
    """When a change needs the second opinion of a model, and what that opinion may hold up."""

    required: Literal["model-written", "always", "never"] = "model-written"
    """Which changes are not ready without a second opinion that came to an end. With `never`, none is had unless
    somebody asks for it with `/agent review`."""
    stops: Literal["low", "medium", "high", "nothing"] = "high"
    """Least severity of a finding of the second opinion that makes a change need work. It never blocks one."""


class Calls(Section):
    """How often the agent may be called: with the label, or with a command that starts a run of the pipeline."""

    minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """Length of the time that is looked back at."""
    per_person: Annotated[int, Field(ge=1, le=200)] = 20
    """Calls by one person in that time."""
    per_repository: Annotated[int, Field(ge=1, le=200)] = 100
    """Calls by all people in that time."""


class Guardrails(Section):
    """What a platform team allows at all: `policies/guardrails.yml` on the default branch."""

    version: Literal[1]
    """Version of this file's format."""
    environments: Annotated[
        dict[Name, EnvironmentRules],
        BeforeValidator(_named, json_schema_input_type=tuple[Name, ...] | dict[Name, EnvironmentRules]),
        Field(min_length=1),
    ]
    """Environments that may be asked for, with what each allows; or just their names."""
    time_zone: Zone = "UTC"
    """IANA name of the time zone of windows and freezes, such as Europe/Berlin."""
    windows: tuple[Window, ...] = ()
    """When changes may be made."""
    freezes: tuple[Freeze, ...] = ()
    """When no change may be made."""
    approvals: dict[Risk, Approval] = Field(default_factory=dict)
    """Approvals by risk. A risk that is not listed needs those of the next lower one that is, else one person."""
    overrides: tuple[Override, ...] = ()
    """Who may lift which refusal. What nobody is named for cannot be lifted."""
    limits: Limits = Limits()
    """Limits of every change; an environment may have its own."""
    providers: tuple[Source, ...]
    """Terraform providers that code may use, as `namespace/name`."""
    module_sources: tuple[Address, ...] = ()
    """Beginnings of addresses outside this repository that a module may come from. A git one also needs `ref=` with
    the full commit, a registry one an exact version."""
    image_registries: tuple[Registry, ...] = ()
    """Beginnings of container image names. Images are named by digest. Empty: the gate's own list."""
    resource_types: ResourceTypes = ResourceTypes()
    """Types of resources that may be used."""
    stateful_types: tuple[Type, ...] = ()
    """Types that hold data: destroying or replacing one needs its own approval by address."""
    budgets: Budgets = Budgets()
    """What language models may use."""
    review: Reviews = Reviews()
    """When a change needs a second opinion."""
    calls: Calls = Calls()
    """How often the agent may be called."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        problems = [
            InitErrorDetails(type=PydanticCustomError("guardrails", "{why}", {"why": why}), loc=loc, input=value)
            for loc, value, why in self._contradictions()
        ]
        if problems:
            raise ValidationError.from_exception_data("Guardrails", problems)
        return self

    def _contradictions(self) -> Iterator[tuple[tuple[str | int, ...], Any, str]]:
        named = [("windows", at, window.environments) for at, window in enumerate(self.windows)]
        named += [("freezes", at, freeze.environments) for at, freeze in enumerate(self.freezes)]
        for part, at, environments in named:
            for position, name in enumerate(environments):
                if name not in self.environments:
                    why = f"must be one of {', '.join(self.environments)}"
                    yield (part, at, "environments", position), name, why
        listed = [risk for risk in RISKS if risk in self.approvals]
        for lower, higher in pairwise(listed):
            least, count = self.approvals[lower].count, self.approvals[higher].count
            if count < least:
                why = f"must be {least} or more, as for the lower risk {lower}"
                yield ("approvals", higher, "count"), count, why


def load_guardrails(root: Path) -> Guardrails:
    """The guardrails of the checkout at `root`. Raises UserError naming file, line, field and reason."""
    return parse(Guardrails, read(root, GUARDRAILS_PATH), GUARDRAILS_PATH)
