"""What a plan says about who refers to whom, and which of its values nobody may read."""

from typing import Any

from agent.domain import Plan, Reference, UnitPlan
from agent.render.mermaid import MOST_ARROWS, MOST_NODES, picture
from agent.targets.terraform_plan import changes_of
from agent.targets.terraform_references import references_of
from agent.targets.terraform_sensitive import sensitive_values
from tests.checks.plan_json import change, real


def plan(*changes: dict[str, Any], **root: Any) -> dict[str, Any]:
    return {"resource_changes": list(changes), "configuration": {"root_module": root}}


def said(*names: str) -> dict[str, Any]:
    return {"references": list(names)}


def pairs(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.address, one.to) for one in references_of(data, changes_of(data))]


def test_a_real_plan() -> None:
    assert pairs(real("web-service-update")) == [("aws_autoscaling_group.this", "aws_launch_template.this")]


def test_neighbours_on_both_sides_and_nothing_further() -> None:
    resources = [
        {"address": "aws_a.one", "expressions": {"x": said("aws_b.two.id", "aws_b.two")}},
        {"address": "aws_b.two", "expressions": {"block": [{"inner": said("data.aws_c.three.id")}]}},
        {"address": "aws_d.four", "depends_on": ["aws_b.two"]},
        {
            "address": "aws_e.five",
            "expressions": {"x": said("aws_f.six", "var.x", "local.y", "each.value", "path.root")},
        },
    ]
    data = plan(change("aws_b.two", None, {"a": 1}), resources=resources)
    assert pairs(data) == [
        ("aws_a.one", "aws_b.two"), ("aws_b.two", "data.aws_c.three"), ("aws_d.four", "aws_b.two"),
    ]  # fmt: skip


def test_through_variables_and_outputs_of_modules() -> None:
    inner = {
        "resources": [{"address": "aws_a.in", "expressions": {"x": said("var.bucket")}}],
        "outputs": {"id": {"expression": said("aws_a.in.id", "aws_a.in")}},
    }
    data = plan(
        change('module.m["k"].aws_a.in[0]', None, {"a": 1}),
        resources=[
            {"address": "aws_b.out", "expressions": {}},
            {"address": "aws_c.far", "expressions": {"x": said('module.m["k.j"].id', "module.m")}},
        ],
        module_calls={"m": {"expressions": {"bucket": said("aws_b.out.id", "aws_b.out")}, "module": inner}},
    )
    assert pairs(data) == [("aws_c.far", "module.m.aws_a.in"), ("module.m.aws_a.in", "aws_b.out")]


def test_a_plan_without_a_configuration_has_none() -> None:
    assert references_of({"resource_changes": []}, ()) == ()


def test_the_picture_shows_neighbours_and_stays_small() -> None:
    data = plan(
        *(change(f"aws_a.n{index}[{key}]", None, {"a": 1}) for index in range(60) for key in range(3)),
        resources=[
            {"address": f"aws_a.n{index}", "expressions": {"x": said("aws_vpc.main", f"aws_a.n{(index + 1) % 60}")}}
            for index in range(60)
        ],
    )
    changes = changes_of(data)
    unit = UnitPlan(
        unit="infra/terraform/dev/x", target="terraform", status="planned", changes=changes,
        references=references_of(data, changes),
    )  # fmt: skip
    drawn = picture(Plan(units=(unit,)))
    assert '"create aws_a.n0, 3 of them"]:::create' in drawn
    assert drawn.count('"aws_vpc.main"]:::same') == 1
    assert drawn.count(":::create") == MOST_NODES
    assert 'more["and 20 more"]' in drawn
    assert 0 < drawn.count("-->") <= MOST_ARROWS
    one = unit.model_copy(update={"references": (Reference(address="aws_x.y", to="aws_z.z"),)})
    assert "-->" not in picture(Plan(units=(one,)))


def test_every_value_that_is_marked_is_known_and_no_other() -> None:
    secret = change(
        "aws_db_instance.main",
        {"password": "old-and-gone", "tags": {"a": "shown"}},
        {"password": "n3w-one", "list": [{"k": "inside-it", "n": 123456}, {"k": "not-me"}], "port": 5432, "s": "abc"},
    )
    secret["change"]["before_sensitive"] = {"password": True}
    secret["change"]["after_sensitive"] = {"password": True, "list": [{"k": True, "n": True}], "s": True}
    outputs = {"url": {"actions": ["create"], "before": None, "after": {"a": "whole-thing"}, "after_sensitive": True}}
    data = {**plan(secret), "output_changes": outputs}
    assert set(sensitive_values(data)) == {"old-and-gone", "n3w-one", "inside-it", "123456", "whole-thing"}
