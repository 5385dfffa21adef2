"""Which values of a plan people may read: what changes where it is harmless, and nothing that was smuggled in."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from agent.domain import AttributeChange, Change, Plan, UnitPlan, without_keys
from agent.render.comments import plan_section
from agent.render.page import Context
from agent.targets import terraform_plan as plans
from agent.targets.terraform_sensitive import sensitive_leaves
from tests.targets.test_terraform_plan import change, plan

TOKEN = "AKIAIOSFODNN7CANARY0"
CANARY = "31415926535"


def resource(address: str, verbs: list[str], **rest: Any) -> dict[str, Any]:
    """A change with the name of the resource, as plan JSON has it. `address` may begin with a module's."""
    *_, type_, name = without_keys(address).split(".")
    made = change(address, verbs, **rest)
    module = address.rpartition(f".{type_}.")[0]
    return {**made, "type": type_, "name": name, **({"module_address": module} if module else {})}


def coded(address: str, expressions: dict[str, Any], **rest: Any) -> dict[str, Any]:
    type_, name = address.split(".")
    return {"address": address, "mode": "managed", "type": type_, "name": name, "expressions": expressions, **rest}


def planned(*changes: dict[str, Any], code: list[dict[str, Any]], **root: Any) -> tuple[Change, ...]:
    return plans.changes_of(plan(*changes, configuration={"root_module": {"resources": code, **root}}))


def said(found: tuple[Change, ...]) -> dict[str, str]:
    """`path` -> `before -> after` over all resources."""
    return {
        one.path: f"{','.join(one.before)} -> {'?' if one.unknown else ','.join(one.after)}"
        for each in found
        for one in each.values
    }


def constant(value: Any) -> dict[str, Any]:
    return {"constant_value": value}


def one(name: str, before: Any, after: Any, *, expression: Any = None, **rest: Any) -> tuple[Change, ...]:
    """A plan that changes one attribute of one resource; by default the code writes it as a constant."""
    code = coded("aws_x.a", {name: expression if expression is not None else constant(after)})
    root = {key: rest.pop(key) for key in ("variables", "module_calls") if key in rest}
    body = {"before": {name: before}, "after": {name: after}, **rest}
    return planned(resource("aws_x.a", ["update"], **body), code=[code], **root)


@pytest.mark.parametrize(
    ("name", "before", "after", "shown"),
    [
        ("instance_type", "t3.micro", "t3.large", "t3.micro -> t3.large"),
        ("instance_class", "db.r6g.large", "db.r6g.2xlarge", "db.r6g.large -> db.r6g.2xlarge"),
        ("node_type", "cache.t4g.micro", "cache.r7g.large", "cache.t4g.micro -> cache.r7g.large"),
        ("engine_version", "14.9", "15.4", "14.9 -> 15.4"),
        ("runtime", "python3.11", "nodejs20.x", "python3.11 -> nodejs20.x"),
        ("allocated_storage", 20, 100, "20 -> 100"),
        ("desired_count", 2, 0, "2 -> 0"),
        ("target_value", 60.5, 75, "60.5 -> 75"),
        ("multi_az", False, True, "false -> true"),
        ("billing_mode", "PROVISIONED", "PAY_PER_REQUEST", "PROVISIONED -> PAY_PER_REQUEST"),
        ("retention_in_days", None, 30, " -> 30"),
        ("cidr_blocks", ["10.0.0.0/8"], ["10.0.0.0/8", "0.0.0.0/0"], "10.0.0.0/8 -> 10.0.0.0/8,0.0.0.0/0"),
        ("cidr_ipv6", "fd00::/8", "::/0", "fd00::/8 -> ::/0"),
        ("ip_protocol", "tcp", "-1", "tcp -> -1"),
        ("from_port", -1, 22, "-1 -> 22"),
    ],
)
def test_what_changes_is_read_where_it_is_harmless(name: str, before: Any, after: Any, shown: str) -> None:
    found = one(name, before, after)
    assert said(found) == {name: shown}
    assert found[0].fields == (name,)


def test_a_new_resource_shows_what_its_code_writes_and_no_default() -> None:
    after = {"instance_type": "t3.micro", "ebs_optimized": False, "name": "web", "monitoring": [{"enabled": True}]}
    code = coded("aws_x.a", {"instance_type": constant("t3.micro"), "monitoring": [{"enabled": constant(True)}]})
    found = planned(resource("aws_x.a", ["create"], after=after), code=[code])
    assert said(found) == {"instance_type": " -> t3.micro", "monitoring.enabled": " -> true"}


def test_what_else_changes_in_a_block_is_told() -> None:
    before = {"settings": [{"status": "Suspended", "note": "a"}]}
    code = [coded("aws_x.a", {"settings": [{"status": constant("Enabled"), "note": constant("b")}]})]
    for note, whole in (("a", True), ("b", False)):
        after = {"settings": [{"status": "Enabled", "note": note}]}
        found = planned(resource("aws_x.a", ["update"], before=before, after=after), code=code)
        assert [(one.path, one.whole) for one in found[0].values] == [("settings.status", whole)]


def test_nothing_is_no_change_however_it_is_spelled() -> None:
    before: dict[str, Any] = {"rule": [{"port": 80, "cidr_blocks": None}]}
    after: dict[str, Any] = {"rule": [{"port": 443, "cidr_blocks": []}]}
    code = coded("aws_x.a", {"rule": constant(after["rule"])})
    found = planned(resource("aws_x.a", ["update"], before=before, after=after), code=[code])
    assert [(one.path, one.whole) for one in found[0].values] == [("rule.port", True)]


def test_a_value_known_after_apply_says_so() -> None:
    body = {"before": {"port": 80}, "after": {}, "after_unknown": {"port": True}}
    found = planned(resource("aws_x.a", ["update"], **body), code=[coded("aws_x.a", {"port": constant(1)})])
    assert said(found) == {"port": "80 -> ?"}


def test_a_replacement_names_what_forces_it() -> None:
    item = resource("aws_db_instance.a", ["delete", "create"], before={"engine": "mysql"}, after={"engine": "mariadb"})
    item["change"]["replace_paths"] = [["engine"], ["network", 0, "id"], ["labels", "@octocat", "x"]]
    assert planned(item, code=[])[0].forced_by == ("engine", "labels", "network.id")
    item["change"]["replace_paths"] = []
    item["action_reason"] = "replace_because_tainted"
    assert planned(item, code=[])[0].forced_by == ("(tainted: it was never made completely)",)
    update = resource("aws_x.a", ["update"], before={"a": 1}, after={"a": 2}, replace_paths=[["a"]])
    assert planned(update, code=[])[0].forced_by == ()


# --- what somebody could smuggle --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        TOKEN.lower() + ".large",
        "hunter2",
        "correct horse battery staple",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
        "t3.micro|secret",
        "`t3.micro` **@octocat**",
        "[t3](https://evil.example)",
        "@org/team",
        "t3.micro\n/agent plan",
        "\x1b[31mt3.micro",
        "t\u0437.micro",  # a Cyrillic letter
        "t3.micr\u2060o",
        "x" * 65,
        {"a": "b"},
        [["t3.micro"]],
        ["t3.micro"] * 9,
        True,
        1e30,
        float("nan"),
    ],
)
@pytest.mark.parametrize("name", ["instance_type", "engine", "engine_version", "cidr_block", "port", "multi_az"])
def test_a_value_of_another_form_is_not_read(name: str, value: Any) -> None:
    if name == "multi_az" and value is True:
        return
    assert said(one(name, None, value)) == {}
    assert said(one(name, value, None, expression=constant(None))) == {}


def test_a_document_takes_no_text_for_a_value() -> None:
    for value in ("a b", "`a`", "a\nb", "", "x" * 65, "\u0437", "a|b", "@a"):
        with pytest.raises(ValidationError):
            AttributeChange(path="port", after=(value,))
    with pytest.raises(ValidationError):
        AttributeChange(path="tags[`@octocat`]", after=("1",))


@pytest.mark.parametrize("side", ["before_sensitive", "after_sensitive"])
@pytest.mark.parametrize("mask", [True, {"port": True}, {"cidr_blocks": [False, True]}])
def test_a_sensitive_value_is_not_read(side: str, mask: Any) -> None:
    name = "port" if mask is True or "port" in mask else "cidr_blocks"
    value = 4711 if name == "port" else ["10.0.0.0/8", "10.1.0.0/16"]
    found = one(name, None, value, **{side: mask})
    assert said(found) == {}
    assert "4711" not in found[0].model_dump_json()


@pytest.mark.parametrize("side", ["before_sensitive", "after_sensitive"])
@pytest.mark.parametrize("mask", [True, {"rule": True}, {"rule": [{"enabled": True}]}])
def test_a_sensitive_switch_in_a_block_is_not_read(side: str, mask: Any) -> None:
    rule = [{"enabled": constant(True)}]
    assert said(one("rule", [{"enabled": False}], [{"enabled": True}], expression=rule)) != {}
    assert said(one("rule", [{"enabled": False}], [{"enabled": True}], expression=rule, **{side: mask})) == {}


def test_a_value_that_is_sensitive_somewhere_else_is_not_read() -> None:
    secret = resource("aws_y.b", ["update"], after={"pin": 4711}, after_sensitive={"pin": True})
    open_ = resource("aws_x.a", ["update"], before={"port": 80}, after={"port": 4711})
    code = [coded("aws_x.a", {"port": constant(4711)})]
    assert said(planned(open_, code=code)) == {"port": "80 -> 4711"}
    assert said(planned(open_, secret, code=code)) == {}


def test_a_secret_cut_into_pieces_takes_all_values_away() -> None:
    pieces = [CANARY[start : start + 4] for start in range(0, len(CANARY), 4)]
    items = [resource(f"aws_x.a{at}", ["create"], after={"port": int(piece)}) for at, piece in enumerate(pieces)]
    code = [coded(f"aws_x.a{at}", {"port": constant(int(piece))}) for at, piece in enumerate(pieces)]
    assert len(said(planned(*items, code=code))) == 1  # `port` three times
    secret = resource("aws_y.b", ["update"], after={"pin": CANARY}, after_sensitive={"pin": True})
    assert CANARY in sensitive_leaves(plan(secret))
    assert said(planned(*items, secret, code=code)) == {}


def test_a_token_over_ten_resources_is_not_read() -> None:
    items, code = [], []
    for at in range(0, len(TOKEN), 2):
        piece = TOKEN[at : at + 2].lower() + ".large"
        items.append(resource(f"aws_x.a{at:02}", ["create"], after={"instance_type": TOKEN[at : at + 2]}))
        items.append(resource(f"aws_x.b{at:02}", ["create"], after={"instance_type": piece}))
        code += [coded(f"aws_x.{side}{at:02}", {"instance_type": {"references": ["local.x"]}}) for side in "ab"]
    assert said(planned(*items, code=code)) == {}


@pytest.mark.parametrize(
    "references",
    [
        ["data.aws_instance.x.user_data", "data.aws_instance.x"],
        ["local.port"],
        ["aws_y.b.port", "aws_y.b"],
        ["module.m.port", "module.m"],
        ["var.secret"],
        ["var.unknown"],
        ["var.port", "data.aws_instance.x"],
        ["each.value"],
        ["self.port"],
        ["terraform.workspace"],
    ],
)
def test_a_number_that_the_code_does_not_write_is_not_read(references: list[str]) -> None:
    variables: dict[str, Any] = {"port": {}, "secret": {"sensitive": True}}
    for_each = {"references": ["data.aws_instances.x.ids"]}
    code = coded("aws_x.a", {"port": {"references": references}}, for_each_expression=for_each)
    item = resource('aws_x.a["k"]', ["update"], before={"port": 80}, after={"port": 4711})
    found = planned(item, code=[code], variables=variables)
    assert said(found) == {}
    assert found[0].fields == ("port",)


def test_through_variables_and_keys_a_number_is_read() -> None:
    code = coded("aws_x.a", {"port": {"references": ["each.value.port", "each.value", "var.port"]}})
    code["for_each_expression"] = {"references": ["var.ports"]}
    item = resource('aws_x.a["k"]', ["update"], before={"port": 80}, after={"port": 4711})
    assert said(planned(item, code=[code], variables={"port": {}, "ports": {}})) == {"port": "80 -> 4711"}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (constant(4711), True),
        ({"references": ["var.port"]}, True),
        (None, True),  # its default, which the module's code writes
        ({"references": ["data.aws_instance.x.id"]}, False),
        ({"references": ["var.secret"]}, False),
    ],
)
def test_a_modules_variable_is_followed_to_where_it_was_given(given: Any, shown: bool) -> None:
    module = {"resources": [coded("aws_x.a", {"port": {"references": ["var.port"]}})], "variables": {"port": {}}}
    call = {"expressions": {} if given is None else {"port": given}, "module": module}
    item = resource("module.web[0].aws_x.a", ["update"], before={"port": 80}, after={"port": 4711})
    root = {"variables": {"port": {}, "secret": {"sensitive": True}}, "module_calls": {"web": call}}
    assert bool(said(planned(item, code=[], **root))) == shown


def test_what_a_dynamic_block_makes_is_not_read_as_written() -> None:
    after = {"rule": [{"port": 4711, "enabled": True}]}
    item = resource("aws_x.a", ["update"], before={"rule": [{"port": 80, "enabled": False}]}, after=after)
    codes: tuple[dict[str, Any], ...] = ({}, {"rule": [{}]}, {"rule": []}, {"rule": {}})
    for code in codes:
        assert said(planned(item, code=[coded("aws_x.a", code)])) == {"rule.enabled": "false -> true"}
    assert said(planned(item, code=[])) == {"rule.enabled": "false -> true"}


def test_a_key_of_a_map_is_no_attribute() -> None:
    before, after = ({"tags": {"port": "1"}, "environment": [{"variables": {"timeout": at}}]} for at in ("1", "2"))
    after["tags"] = {"port": "4711", "multi_az": True}
    code = coded("aws_x.a", {"tags": constant(after["tags"]), "environment": constant(after["environment"])})
    assert said(planned(resource("aws_x.a", ["update"], before=before, after=after), code=[code])) == {}


def test_what_is_read_and_what_stays_is_shown_of_no_other_resource() -> None:
    reads = resource("aws_x.a", ["read"], after={"port": 80})
    data = {**resource("aws_x.a", ["create"], after={"port": 80}), "mode": "data"}
    gone = resource("aws_x.a", ["delete"], before={"port": 80})
    for item in (reads, data, gone):
        assert said(planned(item, code=[coded("aws_x.a", {"port": constant(80)})])) == {}


def test_values_are_bounded_and_leave_the_digest_alone() -> None:
    names = ["port", "from_port", "to_port", "host_port", "min_size", "max_size", "timeout", "cpu", "memory", "days"]
    names += ["interval", "iops", "period", "priority", "threshold"]
    raw = plan(
        resource("aws_x.a", ["create"], after=dict.fromkeys(names, 7)),
        configuration={"root_module": {"resources": [coded("aws_x.a", dict.fromkeys(names, constant(7)))]}},
    )
    assert len(plans.changes_of(raw)[0].values) == 12
    assert plans.canonical_digest(raw, key=b"") == plans.canonical_digest({**raw, "configuration": {}}, key=b"")


def test_T18_no_secret_reaches_the_plan_comment() -> None:
    """Not as it is, not encoded, not in pieces, and not by `nonsensitive`, whatever attribute it is put into."""
    encoded = base64.b64encode(TOKEN.encode()).decode()
    stolen = {
        "instance_type": TOKEN, "engine": encoded, "engine_version": TOKEN.lower(), "runtime": TOKEN.encode().hex(),
        "cidr_block": f"{CANARY}/8", "port": int(CANARY), "from_port": int(CANARY[:4]), "to_port": int(CANARY[4:8]),
        "status": TOKEN[::-1], "tags": {"port": CANARY},
    }  # fmt: skip
    code = coded("aws_x.a", {name: {"references": ["var.password"]} for name in stolen})
    items = [
        resource("aws_x.a", ["update"], before=dict.fromkeys(stolen), after=stolen),
        resource("aws_db_instance.b", ["create"], after={"password": CANARY}, after_sensitive={"password": True}),
    ]
    made = planned(*items, code=[code], variables={"password": {"sensitive": True}})
    unit = UnitPlan(unit="infra/terraform/dev/x", target="terraform", status="planned", changes=made)
    body = plan_section(Context(repository="https://github.com/acme/infra"), Plan(units=(unit,)), commit="a" * 40)
    assert "instance_type" in body
    for form in (TOKEN, TOKEN.lower(), TOKEN[::-1], encoded, TOKEN.encode().hex(), CANARY, CANARY[:4], CANARY[4:8]):
        assert form not in body
        assert form not in unit.model_dump_json()
