"""What a plan is known to cost: real plans, hand-made ones, and that nothing is ever made up or taken for zero."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import cost
from agent.checks.cost import from_table
from agent.domain import Cost, CostLine, Plan, UnitPlan
from agent.errors import ToolError
from agent.guardrails import EnvironmentRules, Guardrails, Limits, PlanLimits
from agent.render.cost import cost_table
from agent.settings import Settings
from agent.tools import Tools
from tests.checks.plan_json import REGION, change, plan, real

HOURS = 730
NO_PROGRAM = Tools(environment={"PATH": "/nonexistent"})  # infracost may be on this machine
T3_MICRO, M5_LARGE, ALB = 0.0104 * HOURS, 0.096 * HOURS, 0.0225 * HOURS
DISK, MONITORING = 8 * 0.08, 7 * 0.30


def lines(found: Cost) -> dict[str, CostLine]:
    return {line.address: line for line in found.lines}


def one(address: str, after: dict[str, Any], *, region: str = REGION, **marks: Any) -> tuple[CostLine, Cost]:
    found = from_table(plan([change(address, None, after, **marks)]), region=region)
    return found.lines[0], found


# --- the blueprints, as Terraform plans them ---------------------------------------------------------------------


def test_a_web_service_costs_its_load_balancer_its_instances_at_their_minimum_and_its_alarms() -> None:
    found = from_table(real("web-service-create"), region="")
    group = lines(found)["aws_autoscaling_group.this"]
    assert group.before == 0
    assert group.after == pytest.approx(2 * (T3_MICRO + DISK + MONITORING))
    assert "`min_size` = 2" in group.note
    assert "Apache Libcloud" in group.source
    assert group.date == "2025-03-02"
    assert lines(found)["aws_lb.this"].after == pytest.approx(ALB)
    assert found.monthly_after == pytest.approx(2 * (T3_MICRO + DISK + MONITORING) + ALB + 3 * 0.10)
    assert (found.monthly_before, found.unpriced, found.usage_based) == (0, 0, 1)


def test_a_larger_machine_and_one_more_of_it_are_seen_before_and_after() -> None:
    found = from_table(real("web-service-update"), region="")
    group = lines(found)["aws_autoscaling_group.this"]
    assert group.before == pytest.approx(2 * (T3_MICRO + DISK + MONITORING))
    assert group.after == pytest.approx(3 * (M5_LARGE + DISK + MONITORING))
    unchanged = lines(found)["aws_lb.this"]
    assert unchanged.before == unchanged.after


@pytest.mark.parametrize("name", ["s3-bucket-create", "s3-bucket-update", "dynamodb-table-create"])
def test_what_bills_by_use_is_counted_and_named_and_never_priced_at_zero(name: str) -> None:
    found = from_table(real(name), region="")
    before = 0.0 if name.endswith("create") else None
    assert [(line.before, line.after) for line in found.lines] == [(before, None)]
    assert found.lines[0].note.startswith("usage-based, not priced: ")
    assert (found.usage_based, found.unpriced, found.monthly_after) == (1, 0, 0)


def test_what_does_not_exist_before_or_after_costs_nothing_then_and_the_sum_says_so() -> None:
    for before, after, sums in ((None, {}, ("0.00", "at least 0.00")), ({}, None, ("at least 0.00", "0.00"))):
        for address in ("aws_s3_bucket.x", "aws_redshift_cluster.x"):
            found = from_table(plan([change(address, before, after)]), region=REGION)
            told = UnitPlan(unit="infra/terraform/dev/x", target="terraform", status="planned", cost=found)
            table = cost_table(Plan(units=(told,)), most=9)
            assert table is not None
            assert (table["units"][0]["before"], table["units"][0]["after"]) == sums
            assert found.unpriced + found.usage_based == 1


def test_a_table_that_gets_capacity_costs_it() -> None:
    found = from_table(real("dynamodb-table-update"), region="")
    line = found.lines[0]
    assert line.before is None
    assert line.after == pytest.approx(HOURS * (20 * 0.00013 + 10 * 0.00065))
    assert "usage-based before the change" in line.note


# --- type by type ------------------------------------------------------------------------------------------------

PRICED: list[tuple[str, dict[str, Any], float]] = [
    ("aws_lb.x", {"load_balancer_type": "network"}, ALB),
    ("aws_elb.x", {"name": "old"}, 0.025 * HOURS),
    ("aws_nat_gateway.x", {"connectivity_type": "public"}, 0.045 * HOURS),
    ("aws_eip.x", {"domain": "vpc"}, 0.005 * HOURS),
    ("aws_vpc_endpoint.x", {"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"]}, 2 * 0.01 * HOURS),
    ("aws_vpc_endpoint.x", {"vpc_endpoint_type": "Gateway"}, 0.0),
    ("aws_ebs_volume.x", {"type": "gp3", "size": 40, "iops": 4000, "throughput": 130}, 3.20 + 5.00 + 0.20),
    ("aws_ebs_volume.x", {"type": "io1", "size": 30, "iops": 300}, 3.75 + 19.50),
    ("aws_ebs_volume.x", {"type": "sc1", "size": 50}, 0.75),
    ("aws_instance.x", {"instance_type": "m5.large", "monitoring": True}, M5_LARGE + MONITORING),
    ("aws_kms_key.x", {"enable_key_rotation": True}, 1.0),
    ("aws_secretsmanager_secret.x", {"name": "s", "replica": [{"region": "us-east-2"}]}, 0.80),
    ("aws_cloudwatch_metric_alarm.x", {"period": 60}, 0.10),
    ("aws_cloudwatch_metric_alarm.x", {"period": 10}, 0.30),
    ("aws_cloudwatch_metric_alarm.x", {"metric_query": [{"metric": [{"period": 60}]}] * 2}, 0.20),
    ("aws_db_instance.x", {"engine": "mysql", "instance_class": "db.t3.large", "allocated_storage": 20}, 99.28 + 2.30),
    (
        "aws_dynamodb_table.x",
        {
            "read_capacity": 30,
            "write_capacity": 20,
            "global_secondary_index": [{"read_capacity": 1, "write_capacity": 0}],
        },
        9.49 + 31 * 0.00013 * HOURS,
    ),
]


@pytest.mark.parametrize(("address", "values", "monthly"), PRICED)
def test_what_has_a_price_is_priced_with_source_and_date(address: str, values: dict[str, Any], monthly: float) -> None:
    line, found = one(address, values)
    assert line.after == pytest.approx(monthly, abs=0.005)
    assert found.unpriced == found.usage_based == 0
    if monthly:
        assert line.source
        assert line.date.startswith("20")
        assert line.date in line.source


UNPRICED: list[tuple[str, dict[str, Any], str]] = [
    ("aws_redshift_cluster.x", {"node_type": "ra3.large"}, "no price of `aws_redshift_cluster`"),
    ("aws_lb.x", {"load_balancer_type": "gateway"}, "gateway load balancer"),
    ("aws_instance.x", {"instance_type": "m99.large"}, "no price of m99.large in us-east-1"),
    ("aws_instance.x", {}, "`instance_type` is not set"),
    ("aws_instance.x", {"instance_type": "m5.large", "tenancy": "dedicated"}, "tenancy dedicated"),
    ("aws_instance.x", {"instance_type": "m5.large", "instance_market_options": [{"market_type": "spot"}]}, "spot"),
    ("aws_ebs_volume.x", {"type": "gp3"}, "`size` is not set"),
    ("aws_ebs_volume.x", {"type": "gp3", "size": -1}, "out of range"),
    ("aws_ebs_volume.x", {"type": "gp3", "size": "big"}, "not a number"),
    ("aws_ebs_volume.x", {"type": "io2", "size": 1, "iops": 64000}, "32000 IOPS"),
    ("aws_db_instance.x", {"engine": "mysql", "instance_class": "db.t3.large", "multi_az": True}, "several zones"),
    ("aws_db_instance.x", {"engine": "mysql", "instance_class": "db.x9.huge"}, "db.x9.huge"),
    ("aws_db_instance.x", {"engine": "mysql", "instance_class": "db.t3.large", "iops": 1000}, "io1 storage"),
    ("aws_dynamodb_table.x", {"read_capacity": 1, "table_class": "STANDARD_INFREQUENT_ACCESS"}, "infrequent"),
    ("aws_nat_gateway.x", {"availability_mode": "regional"}, "zone"),
    ("aws_autoscaling_group.x", {"min_size": 1, "launch_configuration": "old"}, "no launch template"),
    ("aws_autoscaling_group.x", {"min_size": 1, "launch_template": [{"id": "lt-1"}]}, "not in this plan"),
    ("aws_autoscaling_group.x", {"min_size": 1, "mixed_instances_policy": [{}]}, "mixed group"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "values", "reason"), UNPRICED)
def test_what_has_no_price_stays_unknown_and_says_why(address: str, values: dict[str, Any], reason: str) -> None:
    line, found = one(address, values)
    assert line.after is None
    assert reason in line.note
    assert (found.unpriced, found.monthly_after) == (1, 0)


def test_unknown_and_sensitive_attributes_are_not_guessed() -> None:
    line, _ = one("aws_instance.x", {}, unknown={"instance_type": True})
    assert "`instance_type` is known only after the apply" in line.note
    line, _ = one("aws_instance.x", {"instance_type": "m5.large"}, sensitive={"instance_type": True})
    assert line.after is None
    assert "m5" not in line.note


def test_a_volume_whose_size_is_not_known_is_left_out_and_said() -> None:
    disk = {"volume_type": "gp3", "volume_size": 10}
    line, _ = one("aws_instance.x", {"instance_type": "m5.large", "root_block_device": [disk]})
    assert line.after == pytest.approx(M5_LARGE + 0.80)
    line, _ = one(
        "aws_instance.x",
        {"instance_type": "m5.large", "root_block_device": [disk]},
        unknown={"root_block_device": [{"volume_size": True, "iops": True}]},
    )
    assert line.after == pytest.approx(M5_LARGE)
    assert "a volume not included (`volume_size` is known only after the apply)" in line.note


def test_types_without_a_charge_are_no_lines() -> None:
    found = from_table(plan([change("aws_iam_role.x", None, {}), change("random_id.x", None, {})]), region=REGION)
    assert found == Cost(source=found.source)


# --- where: regions, modules, templates --------------------------------------------------------------------------


def provider(region: Any, name: str = "aws") -> dict[str, Any]:
    return {name: {"name": "aws", "expressions": {"region": region}}}


def test_the_region_is_the_providers_else_the_environments() -> None:
    item = change("aws_instance.x", None, {"instance_type": "m5.large"})
    cases: list[tuple[dict[str, Any], float | None]] = [
        (plan([item]), M5_LARGE),
        (plan([item], provider_config=provider({"constant_value": "eu-central-1"})), 0.115 * HOURS),
        (plan([item], provider_config=provider({"references": ["var.r"]})), None),
        (
            {**plan([item], provider_config=provider({"references": ["var.r"]})),
             "variables": {"r": {"value": "eu-central-1"}}},
            0.115 * HOURS,
        ),
    ]  # fmt: skip
    for given_plan, expected in cases:
        after = from_table(given_plan, region=REGION).lines[0].after
        assert after == (None if expected is None else pytest.approx(expected))


def test_a_provider_alias_has_its_own_region() -> None:
    resource = {"address": "aws_instance.x", "provider_config_key": "aws.west", "expressions": {}}
    configuration = {
        "provider_config": provider({"constant_value": REGION}) | provider({"constant_value": "eu-west-1"}, "aws.west"),
        "root_module": {"resources": [resource]},
    }
    given_plan = plan([change("aws_instance.x", None, {"instance_type": "t3.micro"})], **configuration)
    assert from_table(given_plan, region="").lines[0].after == pytest.approx(0.0114 * HOURS)


def test_no_price_is_taken_from_another_region() -> None:
    assert one("aws_nat_gateway.x", {}, region="eu-central-1")[0].after is None
    assert one("aws_nat_gateway.x", {}, region="")[0].after is None
    assert one("aws_kms_key.x", {}, region="eu-central-1")[0].after == 1.0


def template_of(group: str, template: str, *, key: str = "id") -> dict[str, Any]:
    block = {key: {"references": [f"{template}.{key}", template]}}
    return {"address": group, "expressions": {"launch_template": [block]}}


def test_groups_of_one_for_each_take_the_template_with_their_own_key() -> None:
    changes = [
        change(f'module.web.aws_launch_template.t["{key}"]', None, {"instance_type": kind})
        for key, kind in (("a", "t3.micro"), ("b", "m5.large"))
    ] + [
        change(
            f'module.web.aws_autoscaling_group.g["{key}"]', None, {"min_size": 1, "launch_template": [{}]},
            unknown={"launch_template": [{"id": True}]},
        )
        for key in ("a", "b", "c")
    ]  # fmt: skip
    module = {"resources": [template_of("aws_autoscaling_group.g", "aws_launch_template.t")]}
    root = {"module_calls": {"web": {"module": module}}}
    found = lines(from_table(plan(changes, root_module=root), region=REGION))
    assert found['module.web.aws_autoscaling_group.g["a"]'].after == pytest.approx(T3_MICRO)
    assert found['module.web.aws_autoscaling_group.g["b"]'].after == pytest.approx(M5_LARGE)
    assert found['module.web.aws_autoscaling_group.g["c"]'].after is None


def test_a_group_that_is_pinned_to_an_old_version_of_its_template_is_not_priced() -> None:
    template = {"id": "lt-1", "instance_type": "m5.large", "latest_version": 2}
    for version, priced in (("1", False), ("2", True), ("$Latest", True)):
        group = {"min_size": 1, "launch_template": [{"id": "lt-1", "version": version}]}
        changes = [
            change("aws_launch_template.t", template, template),
            change("aws_autoscaling_group.g", group, group),
        ]
        line = from_table(plan(changes), region=REGION).lines[0]
        assert (line.after is not None) is priced


def test_a_group_runs_at_its_capacity_between_its_bounds() -> None:
    template = change("aws_launch_template.t", None, {"id": "lt-1", "instance_type": "m5.large"})
    for least, wanted, most, number in ((1, 3, 5, 3), (4, 3, 5, 4), (1, 9, 5, 5), (0, 0, 5, 0)):
        group = {
            "min_size": least, "desired_capacity": wanted, "max_size": most, "launch_template": [{"id": "lt-1"}],
        }  # fmt: skip
        found = from_table(plan([template, change("aws_autoscaling_group.g", None, group)]), region=REGION)
        assert found.monthly_after == pytest.approx(number * M5_LARGE, abs=0.001)


def test_what_is_forgotten_goes_on_costing_and_what_is_deposed_stops() -> None:
    values = {"instance_type": "m5.large"}
    forgotten = change("aws_instance.x", values, None)
    forgotten["change"]["actions"] = ["forget"]
    deposed = {**change("aws_instance.y", values, None), "deposed": "1234abcd"}
    found = lines(from_table(plan([forgotten, deposed]), region=REGION))
    assert found["aws_instance.x"].after == pytest.approx(M5_LARGE)
    assert found["aws_instance.y (deposed 1234abcd)"].after == 0


@pytest.mark.parametrize(
    "broken", [{"resource_changes": [{}]}, {"resource_changes": [{"mode": "managed"}]}, {"resource_changes": 7}]
)
def test_a_plan_of_another_shape_is_an_error_and_not_free(broken: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="shape"):
        from_table(broken, region=REGION)


# --- what holds for every plan -----------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.fixed_dictionaries({"instance_type": st.sampled_from(["t3.micro", "m5.large", "m99.large", ""])}),
)
RESOURCES = st.lists(st.tuples(VALUES, VALUES).filter(lambda pair: pair != (None, None)), max_size=8)


def instances(pairs: list[tuple[Any, Any]], prefix: str = "x") -> list[dict[str, Any]]:
    return [change(f"aws_instance.{prefix}{n}", before, after) for n, (before, after) in enumerate(pairs)]


@given(RESOURCES, RESOURCES)
def test_cost_is_additive(some: list[Any], others: list[Any]) -> None:
    first = from_table(plan(instances(some)), region=REGION)
    second = from_table(plan(instances(others, "y")), region=REGION)
    both = from_table(plan(instances(some) + instances(others, "y")), region=REGION)
    assert both.monthly_before == pytest.approx(first.monthly_before + second.monthly_before, abs=0.001)
    assert both.monthly_after == pytest.approx(first.monthly_after + second.monthly_after, abs=0.001)
    assert both.unpriced == first.unpriced + second.unpriced
    assert set(both.lines) == set(first.lines) | set(second.lines)


@given(RESOURCES, VALUES.filter(lambda values: values is not None))
def test_a_resource_that_stays_changes_nothing(others: list[Any], values: Any) -> None:
    without = from_table(plan(instances(others)), region=REGION)
    given_too = from_table(plan([*instances(others), change("aws_instance.stays", values, values)]), region=REGION)
    difference = given_too.monthly_after - given_too.monthly_before
    assert difference == pytest.approx(without.monthly_after - without.monthly_before, abs=0.001)


@given(RESOURCES.filter(lambda pairs: any(after for _, after in pairs)), st.data())
def test_what_becomes_unknown_never_lowers_the_total_below_what_stood(pairs: list[Any], data: st.DataObject) -> None:
    known = instances(pairs)
    index = data.draw(st.sampled_from([n for n, (_, after) in enumerate(pairs) if after]))
    hidden = copy.deepcopy(known)
    hidden[index]["change"]["after_unknown"] = {"instance_type": True}
    rest = from_table(plan([item for n, item in enumerate(known) if n != index]), region=REGION)
    found = from_table(plan(hidden), region=REGION)
    alone = from_table(plan([known[index]]), region=REGION)
    assert found.monthly_after >= rest.monthly_after + alone.monthly_before - 0.001
    assert found.unpriced >= 1
    assert lines(found)[known[index]["address"]].after is None


# --- ceilings ----------------------------------------------------------------------------------------------------


def rails(limits: Limits | None = None, **environments: PlanLimits) -> Guardrails:
    return Guardrails(
        version=1,
        environments={name: EnvironmentRules(limits=own) for name, own in environments.items()}
        or {"dev": EnvironmentRules()},
        providers=("hashicorp/aws",),
        limits=limits or Limits(),
    )


def unit(name: str, before: float, after: float, **counts: int) -> UnitPlan:
    made = Cost(monthly_before=before, monthly_after=after, **counts)
    return UnitPlan(unit=f"infra/terraform/{name}", target="terraform", status="planned", cost=made)


def judged(guardrails: Guardrails, *units: UnitPlan) -> list[tuple[str, str]]:
    return [(found.severity, found.message) for found in cost.check(Plan(units=units), guardrails=guardrails)]


def test_a_ceiling_is_held_and_twice_over_it_is_critical() -> None:
    limits = rails(Limits(max_monthly_usd=100))
    assert judged(limits, unit("dev/a", 0, 100)) == []
    assert judged(limits, unit("dev/a", 0, 100.01)) == [
        (
            "high",
            "infra/terraform/dev/a: would cost 100.01 USD a month; limits.max_monthly_usd in policies/guardrails.yml "
            "is 100.00",
        )
    ]
    assert judged(limits, unit("dev/a", 0, 200))[0][0] == "high"
    assert judged(limits, unit("dev/a", 0, 200.01))[0][0] == "critical"
    assert judged(rails(Limits(max_monthly_usd=0)), unit("dev/a", 0, 1))[0][0] == "critical"
    assert judged(rails(), unit("dev/a", 0, 1e9)) == []


def test_what_has_no_price_is_said_and_never_counts_as_free() -> None:
    ((_, message),) = judged(rails(Limits(max_monthly_usd=1)), unit("dev/a", 0, 2, unpriced=1, usage_based=2))
    assert "would cost at least 2.00 USD a month" in message
    assert message.endswith("; 1 resource without a price here, 2 resources that bill by use not included")
    failed = UnitPlan(unit="infra/terraform/dev/b", target="terraform", status="failed")
    ((_, message),) = judged(rails(Limits(max_monthly_usd=1)), unit("dev/a", 0, 2), failed)
    assert "2 units together: would cost at least" in message


def test_the_increase_has_its_own_ceiling() -> None:
    limits = rails(Limits(max_monthly_increase_usd=50))
    assert judged(limits, unit("dev/a", 500, 550), unit("dev/b", 500, 400)) == []
    ((severity, message),) = judged(limits, unit("dev/a", 500, 551))
    assert severity == "high"
    assert "would add 51.00 USD a month; limits.max_monthly_increase_usd" in message


def test_an_environment_may_have_its_own_ceiling_and_several_share_the_general_one() -> None:
    limits = rails(Limits(max_monthly_usd=100), dev=PlanLimits(max_monthly_usd=10), prod=PlanLimits())
    assert [severity for severity, _ in judged(limits, unit("dev/a", 0, 11))] == ["high"]
    assert judged(limits, unit("prod/a", 0, 99)) == []
    ((_, message),) = judged(limits, unit("dev/a", 0, 9), unit("prod/a", 0, 99))
    assert message.startswith("2 units together: would cost 108.00 USD")


# --- a unit's plan -----------------------------------------------------------------------------------------------


def test_a_units_plan_gets_its_cost_and_the_environments_region(settings: Settings) -> None:
    planned = UnitPlan(unit="infra/terraform/prod/web", target="terraform", status="planned")
    given_plan = plan([change("aws_instance.x", None, {"instance_type": "t3.micro"})])
    priced, findings = cost.of_unit(planned, given_plan, settings=settings, tools=NO_PROGRAM)
    assert findings == ()
    assert priced.cost is not None
    assert priced.cost.monthly_after == pytest.approx(0.0114 * HOURS)  # eu-west-1
    assert UnitPlan.model_validate_json(priced.model_dump_json()) == priced
    again = UnitPlan.model_validate_json('{"unit": "u", "target": "terraform", "status": "planned"}')
    assert again.cost is None


def test_a_cost_that_cannot_be_told_blocks_and_is_not_zero(settings: Settings) -> None:
    planned = UnitPlan(unit="infra/terraform/prod/web", target="terraform", status="planned")
    priced, findings = cost.of_unit(planned, {"resource_changes": 7}, settings=settings, tools=NO_PROGRAM)
    assert priced.cost is None
    assert [(found.rule, found.severity, found.path) for found in findings] == [
        ("cost/could-not-run", "critical", planned.unit)
    ]


@pytest.mark.parametrize(
    ("address", "attributes", "told"),
    [
        ("aws_nat_gateway.x", {}, "not priced after the change: no price of `nat_gateway.hour` in eu-central-1"),
        ("aws_lb.x", {"load_balancer_type": "application"}, "no price of `alb.hour` in eu-central-1"),
        (
            "aws_db_instance.x",
            {"engine": "postgres", "instance_class": "db.t4g.micro", "allocated_storage": 20, "storage_type": "gp3"},
            "in eu-central-1",
        ),
        ("aws_s3_bucket.x", {}, "usage-based, not priced: storage, requests and transfer"),
    ],
)
def test_no_price_is_carried_over_into_another_region(address: str, attributes: dict[str, Any], told: str) -> None:
    cost_ = from_table(plan([change(address, None, attributes)]), region="eu-central-1")
    assert (cost_.monthly_after, cost_.unpriced + cost_.usage_based) == (0.0, 1)
    (line,) = cost_.lines
    assert line.after is None
    assert told in line.note


def test_an_address_costs_the_same_everywhere() -> None:
    everywhere, here = (
        from_table(plan([change("aws_eip.x", None, {})]), region=region).lines[0]
        for region in ("ap-southeast-1", "us-east-1")
    )
    assert everywhere.after == here.after == pytest.approx(0.005 * HOURS)
    assert everywhere.date != here.date  # each price has its own source
