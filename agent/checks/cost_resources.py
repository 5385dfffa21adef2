"""A resource's attributes and the price table -> its known monthly list price, type by type. Pure.

A rule prices what stands in the plan and says in its note what it leaves out. It raises Unpriced for what cannot be
known, and UsageBased for what bills by use alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from agent.checks.cost_plan import Unpriced, Values
from agent.checks.cost_table import Price, Table

GP3_IOPS, GP3_MBPS = 3000.0, 125.0  # included in a gp3 volume's price (Amazon EBS pricing)
IO2_FIRST_TIER = 32_000.0  # provisioned IOPS up to which the first price holds (Amazon EBS pricing)
DETAILED_METRICS = 7.0  # metrics of an instance with detailed monitoring (infracost's test results)
FAST_SECONDS = 60.0  # an alarm with a shorter period is a high-resolution one (Amazon CloudWatch pricing)
ANOMALY_METRICS = 3.0  # an anomaly detection alarm counts as three metrics (Amazon CloudWatch pricing)


class UsageBased(Unpriced):
    """It bills by use alone; the text says by what."""


class Priced(NamedTuple):
    """`monthly` in USD; `note` says what is not in it."""

    monthly: float
    prices: tuple[Price, ...]
    note: str = ""


@dataclass(frozen=True)
class Shop:
    """The price table in one region; `template` gives an autoscaling group's launch template or raises Unpriced."""

    table: Table
    region: str
    template: Callable[[], Values]

    def hourly(self, name: str, number: float = 1.0) -> Priced:
        """So many of `name`, whose price is for an hour, for a month."""
        price = self.table.price(name, self.region)
        return Priced(number * price.usd * self.table.hours, (price,))

    def monthly(self, name: str, number: float = 1.0) -> Priced:
        """So many of `name`, whose price is for a month. None of it costs nothing, whatever its price."""
        if number == 0:
            return Priced(0.0, ())
        price = self.table.price(name, self.region)
        return Priced(number * price.usd, (price,))

    def machine(self, kind: str) -> Priced:
        """An EC2 instance for a month."""
        price = self.table.machine(kind, self.region)
        return Priced(price.usd * self.table.hours, (price,))


Rule = Callable[[Values, Shop], Priced]


def add(*parts: Priced, times: float = 1.0, note: str = "") -> Priced:
    """The sum of parts, so many times; their notes and `note`."""
    notes = dict.fromkeys(text for text in (*(part.note for part in parts), note) if text)
    prices = dict.fromkeys(price for part in parts for price in part.prices)
    return Priced(times * sum(part.monthly for part in parts), tuple(prices), "; ".join(notes))


def _load_balancer(values: Values, shop: Shop) -> Priced:
    kind = values.text("load_balancer_type", "application")
    name = {"application": "alb.hour", "network": "nlb.hour"}.get(kind)
    if name is None:
        raise Unpriced(f"no price of a {kind} load balancer")
    return add(shop.hourly(name), note="capacity units and public addresses not included")


def _classic_load_balancer(values: Values, shop: Shop) -> Priced:
    return add(shop.hourly("clb.hour"), note="processed data not included")


def _nat_gateway(values: Values, shop: Shop) -> Priced:
    if values.is_known("availability_mode") and values.text("availability_mode") == "regional":
        raise Unpriced("a regional NAT gateway bills by zone, and their number is not known")
    return add(shop.hourly("nat_gateway.hour"), note="processed data not included")


def _address(values: Values, shop: Shop) -> Priced:
    if values.is_known("public_ipv4_pool") and values.text("public_ipv4_pool") not in ("", "amazon"):
        raise Unpriced("an address from a pool of one's own has another price")
    return shop.hourly("public_ipv4.hour")


def _endpoint(values: Values, shop: Shop) -> Priced:
    kind = values.text("vpc_endpoint_type", "Gateway")
    if kind == "Gateway":
        return Priced(0.0, ())
    if kind not in ("Interface", "GatewayLoadBalancer"):
        raise Unpriced(f"no price of a {kind} endpoint")
    subnets = values.known("subnet_ids")
    if not isinstance(subnets, list) or not subnets:
        raise Unpriced("`subnet_ids` are not set")
    return add(shop.hourly("vpc_endpoint.hour", float(len(subnets))), note="processed data not included")


def _volume(values: Values, shop: Shop, *, kind: str, size: float) -> Priced:
    storage = shop.monthly(f"ebs.{kind}.gb", size)
    if kind == "gp3":
        iops, mbps = _or_default(values, "iops", GP3_IOPS), _or_default(values, "throughput", GP3_MBPS)
        above = shop.monthly("ebs.gp3.iops", max(iops - GP3_IOPS, 0.0))
        return add(storage, above, shop.monthly("ebs.gp3.mbps", max(mbps - GP3_MBPS, 0.0)))
    if kind in ("io1", "io2"):
        iops = values.number("iops")
        if kind == "io2" and iops > IO2_FIRST_TIER:
            raise Unpriced(f"no price of io2 volumes over {IO2_FIRST_TIER:g} IOPS")
        return add(storage, shop.monthly(f"ebs.{kind}.iops", iops))
    return storage


def _or_default(values: Values, name: str, default: float) -> float:
    """What AWS fills in by itself is the included amount."""
    return (values.number(name, default) or default) if values.is_known(name) else default


def _own_volume(values: Values, shop: Shop) -> Priced:
    kind = _required(values, "type")
    return add(_volume(values, shop, kind=kind, size=values.number("size")), note="snapshots not included")


def _machine(values: Values, shop: Shop, volumes: tuple[Values, ...]) -> Priced:
    """An instance with the given block devices. The price of one is left out, and named, when it is not known."""
    parts = [shop.machine(_required(values, "instance_type"))]
    notes = ["as Linux on demand"]
    for volume in volumes:
        try:
            kind = _required(volume, "volume_type")
            parts.append(_volume(volume, shop, kind=kind, size=volume.number("volume_size")))
        except Unpriced as reason:
            notes.append(f"a volume not included ({reason})")
    if not volumes:
        notes.append("the image's own volume not included")
    return add(*parts, note="; ".join(notes))


def _required(values: Values, name: str) -> str:
    text = values.text(name)
    if not text:
        raise Unpriced(f"`{name}` is not set")
    return text


def _monitored(machine: Priced, shop: Shop, *, detailed: bool) -> Priced:
    if not detailed:
        return machine
    try:
        return add(machine, shop.monthly("cloudwatch.metric", DETAILED_METRICS))
    except Unpriced:
        return add(machine, note="detailed monitoring not included")


def _instance(values: Values, shop: Shop) -> Priced:
    tenancy = values.text("tenancy", "default") if values.is_known("tenancy") else "default"
    if tenancy != "default":
        raise Unpriced(f"no price of an instance with tenancy {tenancy}")
    if values.has("instance_market_options") and values.blocks("instance_market_options"):
        raise Unpriced("spot prices change all the time")
    volumes: tuple[Values, ...] = ()
    for name in ("root_block_device", "ebs_block_device"):
        if values.has(name):
            volumes += values.blocks(name)
    detailed = values.flag("monitoring") if values.is_known("monitoring") else False
    return _monitored(_machine(values, shop, volumes), shop, detailed=detailed)


def _group(values: Values, shop: Shop) -> Priced:
    if values.has("mixed_instances_policy") and values.blocks("mixed_instances_policy"):
        raise Unpriced("which instances a mixed group runs is decided by AWS")
    number, said = values.number("min_size"), "`min_size`"
    if values.is_known("desired_capacity"):
        # A plan that moves the bounds alone still shows the old capacity; AWS then keeps it between them.
        wanted = min(values.number("desired_capacity"), values.number("max_size"))
        number, said = (wanted, "`desired_capacity`") if wanted > number else (number, said)
    if number == 0:
        return Priced(0.0, (), f"{said} is 0")
    template = shop.template()
    if template.blocks("instance_market_options"):
        raise Unpriced("spot prices change all the time")
    if any(block.text("tenancy", "default") != "default" for block in template.blocks("placement")):
        raise Unpriced("no price of instances with a tenancy of their own")
    volumes = tuple(ebs for device in template.blocks("block_device_mappings") for ebs in device.blocks("ebs"))
    detailed = any(block.flag("enabled") for block in template.blocks("monitoring"))
    one = _monitored(_machine(template, shop, volumes), shop, detailed=detailed)
    return add(one, times=number, note=f"for {said} = {number:g}")


def _table(values: Values, shop: Shop) -> Priced:
    mode = values.text("billing_mode", "PROVISIONED")
    if mode == "PAY_PER_REQUEST":
        raise UsageBased("requests and storage")
    if values.text("table_class", "STANDARD") != "STANDARD":
        raise Unpriced("no price of tables for infrequent access")
    parts = [
        shop.hourly(f"dynamodb.{unit}.hour", place.number(f"{name}_capacity"))
        for place in (values, *values.blocks("global_secondary_index"))
        for name, unit in (("read", "rcu"), ("write", "wcu"))
    ]
    replicas = "replicas, " if values.blocks("replica") else ""
    return add(*parts, note=f"{replicas}storage, backups and automatic scaling not included")


def _database(values: Values, shop: Shop) -> Priced:
    engine, kind = values.text("engine"), _required(values, "instance_class")
    # What the plan leaves to AWS is what the provider's documentation names: one zone; gp2, or io1 with IOPS.
    if values.is_known("multi_az") and values.flag("multi_az"):
        raise Unpriced("no price of a database in several zones")
    default = "io1" if values.is_known("iops") and values.number("iops") else "gp2"
    storage = values.text("storage_type", default) if values.is_known("storage_type") else default
    if storage not in ("gp2", "gp3"):
        raise Unpriced(f"no price of {storage} storage of a database")
    machine = shop.hourly(f"rds.{engine}.{kind}")
    try:
        disk = shop.monthly(f"rds.{storage}.gb", values.number("allocated_storage"))
    except Unpriced as reason:
        return add(machine, note=f"storage not included ({reason})")
    return add(machine, disk, note="backups, extra IOPS and extended support not included")


def _alarm(values: Values, shop: Shop) -> Priced:
    queries = values.blocks("metric_query")
    if any(query.text("expression").lstrip().upper().startswith("SELECT") for query in queries):
        raise UsageBased("the metrics that its query analyses")
    metrics = [metric for query in queries for metric in query.blocks("metric")]
    number = float(len(metrics)) if queries else 1.0
    if values.is_known("threshold_metric_id") and values.text("threshold_metric_id"):
        number = ANOMALY_METRICS * max(number, 1.0)
    periods = [metric.number("period", FAST_SECONDS) for metric in (metrics or [values])]
    fast = min(periods) < FAST_SECONDS
    return shop.monthly("cloudwatch.alarm.fast" if fast else "cloudwatch.alarm", number)


def _key(values: Values, shop: Shop) -> Priced:
    return add(shop.monthly("kms.key"), note="requests and rotated key material not included")


def _secret(values: Values, shop: Shop) -> Priced:
    replicas = len(values.blocks("replica"))
    return add(shop.monthly("secret", 1.0 + replicas), note="requests not included")


RULES: dict[str, Rule] = {
    "aws_alb": _load_balancer,
    "aws_autoscaling_group": _group,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_db_instance": _database,
    "aws_dynamodb_table": _table,
    "aws_ebs_volume": _own_volume,
    "aws_eip": _address,
    "aws_elb": _classic_load_balancer,
    "aws_instance": _instance,
    "aws_kms_external_key": _key,
    "aws_kms_key": _key,
    "aws_kms_replica_key": _key,
    "aws_lb": _load_balancer,
    "aws_nat_gateway": _nat_gateway,
    "aws_secretsmanager_secret": _secret,
    "aws_vpc_endpoint": _endpoint,
}
