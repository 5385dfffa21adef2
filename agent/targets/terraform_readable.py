"""An attribute's name and value -> short plain words that may be read, or that it must not be. Tables; pure.

A switch or a word out of a list says next to nothing that somebody could smuggle. `MEASURES` (numbers, sizes, versions,
ranges) have a narrow form, and need another reason to be shown: see `terraform_values`.
"""

import re
from collections.abc import Mapping
from typing import Any

_SWITCHES = frozenset(
    (
        "allow_major_version_upgrade", "apply_immediately", "auto_minor_version_upgrade", "block_public_acls",
        "block_public_policy", "bucket_key_enabled", "copy_tags_to_snapshot", "deletion_protection",
        "deletion_protection_enabled", "delete_on_termination", "ebs_optimized", "enable_deletion_protection",
        "enable_dns_hostnames", "enable_dns_support", "enable_key_rotation", "enabled", "encrypt_at_rest_enabled",
        "encrypted", "endpoint_private_access", "endpoint_public_access", "fifo_queue", "force_delete",
        "force_destroy", "iam_database_authentication_enabled", "ignore_public_acls", "internal",
        "map_public_ip_on_launch", "multi_az", "multi_region", "point_in_time_recovery_enabled",
        "protect_from_scale_in",
        "publicly_accessible", "restrict_public_buckets", "skip_final_snapshot", "sse_enabled", "storage_encrypted",
        "stream_enabled", "suspend", "termination_protection", "transit_encryption_enabled",
    )
)  # fmt: skip
_WORDS: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "architectures": "arm64 x86_64",
        "billing_mode": "PAY_PER_REQUEST PROVISIONED",
        "capacity_type": "ON_DEMAND SPOT CAPACITY_BLOCK",
        "comparison_operator": "GreaterThanOrEqualToThreshold GreaterThanThreshold LessThanThreshold "
        "LessThanOrEqualToThreshold",
        "engine": "aurora-mysql aurora-postgresql mariadb mysql postgres oracle-ee oracle-se2 sqlserver-ee "
        "sqlserver-ex sqlserver-se sqlserver-web redis valkey memcached",
        "http_tokens": "optional required",
        "ip_protocol": "-1 tcp udp icmp icmpv6",
        "launch_type": "EC2 EXTERNAL FARGATE",
        "load_balancer_type": "application gateway network",
        "object_ownership": "BucketOwnerEnforced BucketOwnerPreferred ObjectWriter",
        "package_type": "Image Zip",
        "protocol": "-1 all tcp udp icmp icmpv6 HTTP HTTPS TCP TLS UDP TCP_UDP http https",
        "sse_algorithm": "AES256 aws:kms aws:kms:dsse",
        "status": "Disabled Enabled Suspended",
        "storage_class": "DEEP_ARCHIVE GLACIER GLACIER_IR INTELLIGENT_TIERING ONEZONE_IA STANDARD STANDARD_IA",
        "storage_type": "aurora aurora-iopt1 gp2 gp3 io1 io2 standard",
        "table_class": "STANDARD STANDARD_INFREQUENT_ACCESS",
        "tenancy": "default dedicated host",
        "type": "egress ingress",
        "volume_type": "gp2 gp3 io1 io2 sc1 st1 standard",
    }.items()
}
_MOST_OF: Mapping[str, int] = {
    **dict.fromkeys(("from_port", "to_port", "port", "container_port", "host_port", "target_port"), 65_535),
    **dict.fromkeys(("min_size", "max_size", "desired_size", "desired_capacity", "desired_count"), 10_000),
    **dict.fromkeys(("min_capacity", "max_capacity", "replicas", "min_replicas", "max_replicas"), 100_000),
    **dict.fromkeys(("read_capacity", "write_capacity", "reserved_concurrent_executions", "shard_count"), 100_000),
    **dict.fromkeys(("num_cache_nodes", "num_cache_clusters", "number_of_nodes", "number_of_broker_nodes"), 1_000),
    **dict.fromkeys(("allocated_storage", "max_allocated_storage", "volume_size", "iops", "throughput"), 200_000),
    **dict.fromkeys(("memory_size", "cpu", "memory"), 1_000_000),
    **dict.fromkeys(("retention_in_days", "backup_retention_period", "deletion_window_in_days", "days"), 10_000),
    **dict.fromkeys(("noncurrent_days", "days_after_initiation"), 10_000),
    **dict.fromkeys(("message_retention_seconds", "visibility_timeout_seconds", "delay_seconds"), 1_209_600),
    **dict.fromkeys(("timeout", "interval", "deregistration_delay", "health_check_grace_period"), 86_400),
    **dict.fromkeys(("evaluation_periods", "period", "threshold", "target_value", "priority"), 1_000_000),
}  # fmt: skip
_SIZE = r"[a-z]{1,4}[0-9]{0,2}[a-z]{0,4}(?:-[0-9]{1,2}tb1?)?\.(?:nano|micro|small|medium|large|[0-9]{0,2}xlarge|metal)"
_IPV4 = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}"
_IPV6 = r"[0-9a-f:]{2,39}/[0-9]{1,3}"
_VERSION = r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}"
_FORMS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(form)
    for name, form in {
        "instance_type": _SIZE,
        "instance_types": _SIZE,
        "instance_class": rf"db\.(?:{_SIZE}|serverless)",
        "node_type": rf"(?:cache|dax)\.{_SIZE}",
        "engine_version": rf"{_VERSION}(?:\.mysql_aurora\.{_VERSION})?",
        "runtime": r"(?:python|nodejs|java|ruby|dotnet|provided\.al)[0-9]{1,4}(?:\.(?:[0-9]{1,2}|x))?(?:\.al2)?",
        "version": _VERSION,
        "cluster_version": _VERSION,
        "kubernetes_version": _VERSION,
        **dict.fromkeys(("cidr_block", "cidr_blocks", "cidr_ipv4"), _IPV4),
        **dict.fromkeys(("cidr_ipv6", "ipv6_cidr_blocks"), _IPV6),
    }.items()
}
_NUMBER = re.compile(r"-?[0-9]{1,7}(?:\.[0-9]{1,2})?")
MEASURES = _MOST_OF.keys() | _FORMS.keys()
_READABLE = MEASURES | _SWITCHES | _WORDS.keys()
_MOST_IN_LIST = 8


def tokens(name: str, value: Any) -> tuple[str, ...] | None:
    """The value in short plain words, none where it is not set; None when it must not be read."""
    if name not in _READABLE:
        return None
    if value in (None, "", []):
        return ()
    if name in _SWITCHES:
        return (str(value).lower(),) if isinstance(value, bool) else None
    items = value if isinstance(value, list) else [value]
    if len(items) > _MOST_IN_LIST or any(
        isinstance(one, bool) or not isinstance(one, str | int | float) for one in items
    ):
        return None
    said = tuple(str(one) for one in items)
    return said if all(_fits(name, one) for one in said) else None


def _fits(name: str, said: str) -> bool:
    if name in _WORDS:
        return said in _WORDS[name]
    if name in _MOST_OF:
        return bool(_NUMBER.fullmatch(said)) and -1 <= float(said) <= _MOST_OF[name]
    form = _FORMS.get(name)
    return form is not None and form.fullmatch(said) is not None
