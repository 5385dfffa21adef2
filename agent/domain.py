"""Every value that crosses a room. Frozen pydantic models; imports nothing of ours."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

Verb = Literal["create", "update", "delete", "replace", "read", "no-op"]
Severity = Literal["info", "low", "medium", "high", "critical"]
Risk = Literal["low", "medium", "high", "critical"]
Target = Literal["terraform", "ansible", "kubernetes"]
# How a request goes through the pipeline: `write` from the author on, `plan` what a pull request holds, `restore` what
# a merge replaced, `pass` a pull request that holds nothing for us, `steer` one answer; empty: nothing is done.
Route = Literal["write", "plan", "pass", "restore", "steer", ""]

Sha1 = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


# What a reviewer's finding may be about; its rule is `review/<topic>`.
Topic = Literal["security", "cost", "idempotency", "blast-radius", "rollback", "request"]

Trigger = Literal[
    "label", "revise", "override", "confirm", "plan", "pull_request", "untouched", "rollback", "closed",
    "help", "usage", "status", "review", "explain", "approve", "unlock", "cancel", "retry", "remember",
]  # fmt: skip
ROUTES: dict[str, Route] = {
    **dict.fromkeys(("label", "revise", "override", "confirm"), "write"),
    **dict.fromkeys(("plan", "pull_request", "review"), "plan"),
    "untouched": "pass",
    "rollback": "restore",
}


KEY = re.compile(r"\[(?:\"(?:[^\"\\]|\\.)*\"|\d+)\]")


def without_keys(address: str) -> str:
    """A resource's place in the code: its address without the keys of instances."""
    return KEY.sub("", address)


class Value(BaseModel):
    """A frozen value; a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Value):
    """A value that is handed from job to job as a JSON file named `<name>.json`."""

    name: ClassVar[str]
    version: Literal[1] = 1


# --- what was asked ----------------------------------------------------------------------------------------------


class Question(Value):
    """What the agent must know before it can go on. With `drop`, an empty answer takes the field back."""

    field: str
    rule: str
    suggestion: str = ""
    drop: bool = False


class Override(Value):
    """`/agent override`: somebody who may has set one rule aside for one request, and for `value` alone: the subject of
    what was refused, or the commit that was reviewed.
    """

    rule: str
    value: str = ""
    reason: str
    by: str
    comment_id: int


class Approval(Value):
    """`/agent approve-destroy`: the plan of exactly `commit` may destroy what stands at `address`.

    `address` is a resource's address, or `unit:address` where units share one.
    """

    commit: Sha1
    address: str
    by: str
    comment_id: int


class Refusal(Value):
    """What stands against a request before anything is written.

    `value` is what was asked for or found, `message` says it to the person who asked, `who` are the people and teams
    who can override `rule`; empty when nobody can. `url` is where `value` is to be seen, when it is a page.
    """

    rule: str
    value: str
    message: str
    url: str = ""
    who: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What `/agent override <rule>=<subject>` names of it: the value in one word."""
        return "-".join(self.value.split())


class Confirmed(Value):
    """What a person confirms: the bounds of a risky understanding, as the status comment shows them.

    `types` maps a resource type to what may be done with it. `parameters` are those of the golden path `blueprint`, by
    name: each value as JSON, or a short hash of it. `comment` is the comment that confirmed it, 0 before one does; none
    up to the comment `after` can, for they were written before this was understood.
    """

    environment: str
    target: Target
    risk: Risk
    blueprint: str = ""
    parameters: dict[str, str] = {}
    units: tuple[str, ...] = ()
    types: dict[str, tuple[Verb, ...]] = {}
    max_creates: int = 0
    max_destroys: int = 0
    after: int = 0
    comment: int = 0


class Request(Document):
    """A snapshot of the issue (or of a person's pull request) at the moment when the agent was called.

    `status` is `accepted` (the pipeline goes on), `refused` (a person is told `reasons`) or `ignored` (the event is
    not for us; nothing is written anywhere). `body` is cleaned text; `sha256` is over the raw title and body.
    `fields` are the issue form's answers by field id; `answers` are the texts of `/agent revise …` in their order, and
    `overrides` and `approvals` what people who may do so have said; of one said twice the last counts. `argument` is
    the cleaned text behind a command that one job answers, and `place` the issue or pull request on which it was
    written; `confirmed_by` is who confirmed exactly this request, and `confirmed` the understanding of it that they had
    read; `also_asked` are those besides the requester who said what is to be written: none of them approves it.
    """

    name: ClassVar[str] = "request"
    status: Literal["accepted", "refused", "ignored"]
    reasons: tuple[str, ...] = ()
    trigger: Trigger
    repository: str
    number: int
    url: str
    title: str
    body: str
    fields: dict[str, str] = {}
    answers: tuple[str, ...] = ()
    requester: str
    actor: str
    sha256: Sha256
    base_sha: Sha1
    head_sha: Sha1 | None = None
    branch: str
    pull_request: int | None = None
    comment_id: int | None = None
    removed: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    approvals: tuple[Approval, ...] = ()
    argument: str = ""
    place: int | None = None
    confirmed_by: str = ""
    confirmed: Confirmed | None = None
    also_asked: tuple[str, ...] = ()

    @property
    def askers(self) -> tuple[str, ...]:
        """Everybody who asked for what is written, the requester first."""
        return tuple(dict.fromkeys((self.requester, *self.also_asked)))

    @property
    def route(self) -> Route:
        """The way that the workflows send it; a refusal is answered by one job."""
        if self.status == "ignored":
            return ""
        return ROUTES.get(self.trigger, "steer") if self.status == "accepted" else "steer"


class Action(Value):
    """One thing to do, as it was understood."""

    verb: Literal["create", "update", "delete", "scale", "restart", "backup", "monitor"]
    resource: str
    parameters: dict[str, JsonValue] = {}
    reason: str = ""


class ModelCall(Value):
    """One question to a model, its tool calls and repeats included, as it went; never what was said.

    `prompt` is the version of the role that asked. `input_tokens` include those read from and written to the cache;
    `usd` is None when the model's price is not known.
    """

    role: str
    model: str
    prompt: str
    outcome: Literal["ok", "refused", "cut", "malformed", "timeout", "overloaded", "unavailable", "budget", "loop"]
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    seconds: float = 0.0
    usd: float | None = None


class Intent(Document):
    """How the request was understood. With `questions` the pipeline stops and asks.

    `units` are the folders to write and `types` the resource types (or kinds) that the code may hold, where a model
    writes it; `calls` are the questions to models that this took. `readings` were read from the request's free text;
    `assumptions` are what it does not say. `fallback` is why rules alone read it, where a model was asked to.
    """

    name: ClassVar[str] = "intent"
    summary: str
    actions: tuple[Action, ...] = ()
    target: Target = "terraform"
    environment: str = ""
    risk: Risk = "low"
    blueprint: str = ""
    readings: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    fallback: str = ""
    questions: tuple[Question, ...] = ()
    units: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    calls: tuple[ModelCall, ...] = ()


class Scope(Value):
    """The contract read off the intent; the plan is checked against it.

    `types` maps a resource type to the verbs that were asked for; `max_creates` and `max_destroys` count resources
    over all units.
    """

    environment: str
    units: tuple[str, ...]
    types: dict[str, tuple[Verb, ...]] = {}
    max_creates: int = 0
    max_destroys: int = 0


# --- what is to be written ---------------------------------------------------------------------------------------


class File(Value):
    """A whole file to write, or to delete when `content` is None. `path` is relative to the repository's root."""

    path: str
    content: str | None


class OpenChange(Value):
    """An open pull request and the units that it changes."""

    number: int
    url: str
    units: tuple[str, ...] = ()


class Situation(Document):
    """What stands around a request, for those who write: they hold no token to ask with.

    `open_changes` are the agent's other open pull requests, `locks` says by unit who applies there now; None: it could
    not be asked. `draft` are the files of the request's own pull request as `draft_commit` has them, against the
    default branch, when a model wrote them and more is asked for.
    """

    name: ClassVar[str] = "situation"
    open_changes: tuple[OpenChange, ...] | None = None
    locks: dict[str, str] | None = None
    draft: tuple[File, ...] = ()
    draft_commit: Sha1 | None = None


class ChangeSet(Document):
    """Whole files to write or delete, never patches. `scope` is None for a person's own pull request.

    `refusals` are what the preflight has against it, with the status `refused`; it holds no files then. With
    `needs-confirm` it holds none either: `reasons` say why the request is risky. `unfinished` is what a model could not
    bring to an end: a person takes over, and `reasons` say what is left. `calls` are the questions to models. The
    author began from the files of `begun_from`, a commit of the request's branch; None: from the default branch.
    """

    name: ClassVar[str] = "change"
    status: Literal["written", "unfinished", "needs-info", "needs-confirm", "nothing", "refused"]
    author: str
    summary: str = ""
    files: tuple[File, ...] = ()
    units: tuple[str, ...] = ()
    scope: Scope | None = None
    rollback: str = ""
    reasons: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    calls: tuple[ModelCall, ...] = ()
    begun_from: Sha1 | None = None


# --- what was found ----------------------------------------------------------------------------------------------


class Finding(Value):
    """What any check or reviewer says. `line` counts from 1; 0 means the whole file. `help` is a link or a page.

    `address` is that of the resource which the finding is about, when a plan was judged.
    """

    source: str
    rule: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 0
    help: str = ""
    address: str = ""


class CheckRun(Value):
    """How one check went. `error` means that it could not run, which is never the same as having found nothing."""

    check: str
    status: Literal["passed", "failed", "error"]
    seconds: float = 0.0
    files_given: int = 0
    files_seen: int = 0
    detail: str = ""


class Findings(Document):
    name: ClassVar[str] = "findings"
    findings: tuple[Finding, ...] = ()
    checks: tuple[CheckRun, ...] = ()


class Proposal(Document):
    """Where the change stands as a branch and a pull request."""

    name: ClassVar[str] = "proposal"
    status: Literal["proposed", "refused"]
    reasons: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    branch: str = ""
    head_sha: Sha1 | None = None
    base_sha: Sha1 | None = None
    pull_request: int | None = None
    url: str = ""


# --- what would happen -------------------------------------------------------------------------------------------


# How many values of attributes one resource shows, and what each may look like: a short plain word, never a text.
MOST_VALUES = 12
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9:-][A-Za-z0-9._:/-]{0,63}$")]
Tokens = Annotated[tuple[Token, ...], Field(max_length=8)]
AttributePath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=200)]


class AttributeChange(Value):
    """One of the few attributes whose values people may read, before and after. No value: it is not set there.

    `unknown` means that the value is known only after the apply; `whole` that nothing else changes in the attribute
    that `path` begins with.
    """

    path: AttributePath
    before: Tokens = ()
    after: Tokens = ()
    unknown: bool = False
    whole: bool = True


class Change(Value):
    """What would happen to one resource. `fields` are names of attributes, never their values; `values` are those of a
    list of harmless ones. `forced_by` names the attributes, or in brackets the reason, why it has to be replaced.
    """

    address: str
    type: str
    verbs: tuple[Verb, ...]
    sensitive: bool = False
    fields: tuple[str, ...] = ()
    values: Annotated[tuple[AttributeChange, ...], Field(max_length=MOST_VALUES)] = ()
    forced_by: Annotated[tuple[str, ...], Field(max_length=MOST_VALUES)] = ()


class Planned(Value):
    """One resource of a plan in brief, to compare two plans by.

    `mark` is a short hash of all that would happen to it, and `fields` maps each attribute that would change to one of
    its values: enough to say what moved, too short to find a value by. The plan's digest decides, not these.
    """

    address: str
    type: str
    verbs: tuple[Verb, ...]
    mark: str
    fields: dict[str, str] = {}


class CostLine(Value):
    """A resource's known monthly list price, before and after. None: not known, or it bills by use; `note` says why.

    `source` names each source with its date, separated by `; `; `date` is the oldest of them.
    """

    address: str
    before: float | None
    after: float | None
    source: str = ""
    date: str = ""
    note: str = ""


class Cost(Value):
    """The known part of a unit's monthly cost.

    `unpriced` and `usage_based` count resources whose price is not known, or that bill by use, before or after: with
    any of them the totals are lower bounds. A resource whose price afterwards is not known counts as before.
    """

    lines: tuple[CostLine, ...] = ()
    monthly_before: float = 0.0
    monthly_after: float = 0.0
    unpriced: int = 0
    usage_based: int = 0
    currency: str = "USD"
    source: str = ""


class Reference(Value):
    """The code of the resource at `address` refers to the one at `to`; both without the keys of instances."""

    address: str
    to: str


class UnitPlan(Value):
    """What applying one unit would do. `digest` is over the canonical plan, `record` is that plan in brief; `unknowns`
    counts unknown attributes.

    `references` are those that begin or end at a resource which changes.
    """

    unit: str
    target: Target
    status: Literal["planned", "failed"]
    changes: tuple[Change, ...] = ()
    references: tuple[Reference, ...] = ()
    unknowns: int = 0
    digest: str = ""
    record: tuple[Planned, ...] = ()
    tool: str = ""
    reason: str = ""
    seconds: float = 0.0
    cost: Cost | None = None


class Plan(Document):
    name: ClassVar[str] = "plan"
    commit: Sha1 | None = None
    units: tuple[UnitPlan, ...] = ()
    findings: tuple[Finding, ...] = ()


class Review(Document):
    """A second model's findings on a change, its intent and its plan. It can only add.

    `none` means that no second opinion was asked for or could be had, and `reason` why; `inconclusive` that the model
    was asked and gave no usable answer. `dropped` counts findings that rested on nothing in the change.
    """

    name: ClassVar[str] = "review"
    status: Literal["passed", "findings", "inconclusive", "none"]
    reason: str = ""
    commit: Sha1 | None = None
    findings: tuple[Finding, ...] = ()
    dropped: int = 0
    calls: tuple[ModelCall, ...] = ()


class Verdict(Document):
    name: ClassVar[str] = "verdict"
    status: Literal["ready", "needs work", "blocked"]
    reasons: tuple[str, ...] = ()


class Seal(Document):
    """The fingerprint that a merge approves.

    `plans` maps a unit to its plan's digest, `records` to that plan in brief; a unit is missing there when its record
    did not fit.
    """

    name: ClassVar[str] = "seal"
    request_sha256: Sha256
    request_number: int
    requester: str
    also_asked: tuple[str, ...] = ()
    risk: Risk
    scope: Scope | None
    head_sha: Sha1
    base_sha: Sha1
    trees: dict[str, str]
    lock_files: dict[str, str]
    policy: str
    tools: tuple[str, ...]
    plans: dict[str, str]
    records: dict[str, tuple[Planned, ...]] = {}
    overrides: tuple[Override, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @property
    def askers(self) -> tuple[str, ...]:
        """Everybody who asked for what is sealed, the requester first: none of them approves it."""
        return tuple(dict.fromkeys((self.requester, *self.also_asked)))


# --- what happened -----------------------------------------------------------------------------------------------


class Shown(Document):
    """The plans that a run made after the merge `commit` and did not apply, because they are not the sealed ones.

    Kept in the check run `agent/apply` of that commit, so that people can approve exactly these.
    """

    name: ClassVar[str] = "shown"
    commit: Sha1
    plans: dict[str, str]
    records: dict[str, tuple[Planned, ...]] = {}


class Approver(Value):
    """Somebody who approved, and where: a review, a comment, or the merge itself."""

    login: str
    how: Literal["review", "comment", "merge"]
    url: str = ""


class Allowed(Value):
    """The plan of one unit, by its digest, that people approved after the merge."""

    unit: str
    digest: Sha256
    by: tuple[str, ...]


class Run(Value):
    """This run of a workflow: GitHub's id, which try it is, and its page."""

    id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    attempt: int = 1
    url: str = ""


class Merge(Document):
    """What a push to the default branch means: the pull request it merged, its seal and the units to apply.

    `approvers` are those who count among the ones who approved, the merger included; `allowed` are plans other than
    the sealed ones that were approved after the merge. `asked_by` is who started this run by hand.
    """

    name: ClassVar[str] = "merge"
    status: Literal["apply", "nothing", "stopped"]
    reasons: tuple[str, ...] = ()
    repository: str
    commit: Sha1
    pull_request: int | None = None
    title: str = ""
    issue: int | None = None
    merged_by: str = ""
    merged_at: AwareDatetime | None = None
    asked_by: str = ""
    units: tuple[str, ...] = ()
    seal: Seal | None = None
    approvers: tuple[Approver, ...] = ()
    allowed: tuple[Allowed, ...] = ()


class Lock(Value):
    """A unit that one run has for itself while it applies. `run` is GitHub's id of the run, `url` its page, `commit`
    the merge that it applies and `person` who merged it, or asked for it again.
    """

    unit: str
    pull_request: int
    commit: Sha1
    run: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    attempt: int = 1
    url: str = ""
    person: str
    time: AwareDatetime


class Locks(Document):
    """Whether this run has every unit of its merge for itself. `busy`: none of them, and `reasons` say who has one."""

    name: ClassVar[str] = "locks"
    status: Literal["taken", "busy"]
    reasons: tuple[str, ...] = ()
    commit: Sha1
    locks: tuple[Lock, ...] = ()


class Probe(Value):
    """A question to the real world whose answer says whether a unit is healthy.

    `kind` is `aws` (a read-only boto3 call, `service` and `operation`, whose answer must hold `expect`), `http` (GET
    `url`, `expect.status`), `tcp` (`url` is host:port) or `output` (a Terraform output, `expect.matches` a regular
    expression). `${output.NAME}` in a text is replaced by that Terraform output.
    """

    name: str
    kind: Literal["aws", "http", "tcp", "output"]
    service: str = ""
    operation: str = ""
    arguments: dict[str, JsonValue] = {}
    url: str = ""
    expect: dict[str, JsonValue] = {}


class ProbeResult(Value):
    probe: str
    passed: bool
    detail: str = ""
    seconds: float = 0.0


class UnitOutcome(Value):
    """What an apply did to one unit. `stopped` means that nothing was applied; `healthy` is None until validated.

    When it stopped because the plan is not an approved one, `moved` says what differs, resource by resource, and
    `record` is the plan as it is now, `digest` its digest.
    """

    unit: str
    status: Literal["applied", "failed", "recovered", "stopped"]
    reason: str = ""
    changes: tuple[Change, ...] = ()
    digest: str = ""
    moved: tuple[str, ...] = ()
    record: tuple[Planned, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    second_plan_empty: bool | None = None
    healthy: bool | None = None
    seconds: float = 0.0


class Outcome(Document):
    """What a run did to the units of one merge. `run` and `attempt` say which run of the workflow it was."""

    name: ClassVar[str] = "outcome"
    commit: Sha1
    run: str = ""
    attempt: int = 0
    units: tuple[UnitOutcome, ...] = ()


class Report(Document):
    """What was written where for people to read, at the end of a publish or of a report."""

    name: ClassVar[str] = "report"
    status: str
    comment_url: str = ""
    written: tuple[str, ...] = ()


DOCUMENTS: dict[str, type[Document]] = {
    kind.name: kind
    for kind in (
        Request, Situation, Intent, ChangeSet, Findings, Proposal, Plan, Review, Verdict, Seal, Merge, Locks, Shown,
        Outcome, Report,
    )
}  # fmt: skip
