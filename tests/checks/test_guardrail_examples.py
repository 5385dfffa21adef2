"""Each part of the guardrails ships requests that it refuses and requests that it lets pass; docs/policies.md says how
they are written.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field
from ruamel.yaml import YAML

from agent import gate, permit, preflight, scope
from agent.approvals import approvals_missing
from agent.checks import cost
from agent.domain import Change, ChangeSet, Cost, File, Plan, Request, Risk, Scope, UnitPlan, Value, Verb
from agent.errors import UserError
from agent.guardrails import GUARDRAILS_PATH, Guardrails
from agent.preflight import Standing
from agent.settings import Environment, Settings, State, parse
from tests.checks.samples import HERE

FOLDER = HERE / "policies" / "examples" / "guardrails"
EXAMPLES = sorted(FOLDER.glob("*/*/*.yml"))
SHIPPED = YAML(typ="safe").load((HERE / GUARDRAILS_PATH).read_text(encoding="utf-8"))


class Approvals(Value):
    """Who has approved a change of a risk before it is merged."""

    risk: Risk
    by: tuple[str, ...]


class Override(Value):
    """Who wants to lift a refusal."""

    rule: str
    login: str
    teams: tuple[str, ...] = ()


class Ceiling(Value):
    """Known cost a month, in dollars."""

    before: float
    after: float


class Example(Value):
    """One question to the guardrails. Fields of them that it gives stand in place of those of the shipped file."""

    guardrails: dict[str, Any] = Field(default_factory=dict)
    refused_by: tuple[str, ...] = ()
    environment: str = "dev"
    region: str = "us-east-1"
    at: datetime = datetime(2026, 5, 5, 12, tzinfo=UTC)
    golden_path: str = ""
    create: dict[str, int] = Field(default_factory=dict)
    destroy: dict[str, int] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    cost: Ceiling | None = None
    approvals: Approvals | None = None
    override: Override | None = None


def read(path: Path) -> tuple[Example, Guardrails]:
    example = parse(Example, path.read_text(encoding="utf-8"), path.relative_to(HERE).as_posix())
    return example, Guardrails.model_validate({**SHIPPED, **example.guardrails})


def refusals(example: Example, guardrails: Guardrails) -> set[str]:
    """The ids of all rules that stand against the example; `approvals` when somebody is missing."""
    found: set[str] = set()
    files = tuple(File(path=path, content=text) for path, text in example.files.items())
    unit = f"infra/terraform/{example.environment}/app"
    verbs: list[tuple[Verb, dict[str, int]]] = [("create", example.create), ("delete", example.destroy)]
    if files:
        found |= {item.rule for item in gate.examine(files, guardrails=guardrails)}
    if files or example.create or example.destroy:
        asked = Scope(
            environment=example.environment,
            units=(unit,),
            types={kind: (verb,) for verb, counts in verbs for kind in counts},
            max_creates=sum(example.create.values()),
            max_destroys=sum(example.destroy.values()),
        )
        found |= preflown(example, guardrails, files, asked)
        changes = tuple(
            Change(address=f"{kind}.x[{number}]", type=kind, verbs=(verb,))
            for verb, counts in verbs
            for kind, count in counts.items()
            for number in range(count)
        )
        money = example.cost and Cost(monthly_before=example.cost.before, monthly_after=example.cost.after)
        plan = Plan(units=(UnitPlan(unit=unit, target="terraform", status="planned", changes=changes, cost=money),))
        judged = scope.check(
            plan,
            asked,
            stateful_types=guardrails.stateful_types,
            limits=lambda environment: permit.limits_of(guardrails, environment),
        )
        priced = cost.check(plan, guardrails=guardrails) if money else ()
        found |= {item.rule for item in (*judged, *priced) if item.severity in {"high", "critical"}}
    if example.approvals and approvals_missing(
        guardrails, example.approvals.risk, example.approvals.by, commit="0" * 40
    ):
        found.add("approvals")
    override = example.override
    if override and not permit.may_override(guardrails, override.rule, override.login, override.teams):
        found.add(override.rule)
    return found


def preflown(example: Example, guardrails: Guardrails, files: tuple[File, ...], asked: Scope) -> set[str]:
    state = State(bucket="state", region=example.region)
    known = {name: Environment(region="us-east-1", state=state) for name in guardrails.environments}
    known |= {name: Environment(region=example.region, state=state) for name in known if name == example.environment}
    found = preflight.check(
        Request(
            status="accepted", trigger="label", repository="acme/infra", number=1, url="", title="", body="",
            requester="casey", actor="casey", sha256="0" * 64, base_sha="0" * 40, branch="agent/1",
        ),
        ChangeSet(
            status="written",
            author=f"blueprint:{example.golden_path}" if example.golden_path else "model",
            files=files,
            units=asked.units,
            scope=asked,
        ),
        intent=None,
        guardrails=guardrails,
        settings=Settings.model_validate(
            {
                "version": 1,
                "environments": {name: one.model_dump() for name, one in known.items()},
                "terraform": {"providers": {"aws": {"source": "hashicorp/aws", "version": "5.100.0"}}},
            }
        ),
        standing=Standing(existing={}),
        now=example.at,
    )  # fmt: skip
    return {refusal.rule for refusal in found}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(FOLDER).with_suffix("").as_posix())
def test_an_example_is_answered_as_it_says(path: Path) -> None:
    example, guardrails = read(path)
    assert bool(example.refused_by) is (path.parent.name == "fail"), "a failing example says which rules refuse it"
    assert refusals(example, guardrails) == set(example.refused_by)


@pytest.mark.parametrize("folder", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_each_has_both_sides(folder: Path) -> None:
    sides = {path.parent.name for path in EXAMPLES if path.parents[1] == folder}
    assert sides == {"fail", "pass"}


def test_an_example_that_is_wrong_is_refused_at_its_line() -> None:
    with pytest.raises(UserError, match=r"x\.yml:1: enviroment: no such field; did you mean environment\?"):
        parse(Example, "enviroment: prod\n", "x.yml")
