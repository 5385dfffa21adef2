"""Probes of a unit, its outputs and cloud credentials -> whether the real world is as it should be."""

import json
import re
import time
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml import tokens as tok
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from agent.domain import Probe, ProbeResult
from agent.errors import UserError
from agent.targets.probes_net import Refused, get_status, open_port
from agent.tools import CLOUD_VARIABLES

PROBES_FILE = "probes.yaml"
MAX_PROBES = 50
MAX_BYTES = 65_536
MAX_DEPTH = 20
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0

_OUTPUT = re.compile(r"\$\{output\.([A-Za-z_][A-Za-z0-9_-]*)\}")
_READ_ONLY = re.compile(r"(get|list|describe|head)_[a-z0-9_]+")
# they only read, but what they read is a secret or a credential
_SECRETS = re.compile(
    r"secretsmanager\.get_secret_value|secretsmanager\.batch_.*|ssm\.get_parameters?(_by_path|_history)?|"
    r"sts\.get_(session|federation)_token|ecr(-public)?\.get_authorization_token|codeartifact\.get_authorization_token|"
    r"(redshift|redshift-serverless)\.get_(cluster_)?credentials.*|ec2\.get_password_data|"
    r"cognito-identity\.get_(credentials_for_identity|open_id_token.*)|lightsail\..*(key_pair|access_details).*|"
    r"sso\.get_role_credentials|s3\.get_object|s3\.get_object_torrent"
)
_OPENING = (
    tok.FlowSequenceStartToken,
    tok.FlowMappingStartToken,
    tok.BlockSequenceStartToken,
    tok.BlockMappingStartToken,
)
_CLOSING = (tok.FlowSequenceEndToken, tok.FlowMappingEndToken, tok.BlockEndToken)
_PROBES = TypeAdapter(tuple[Probe, ...])


def load_probes(text: str, *, path: str = PROBES_FILE) -> tuple[Probe, ...]:
    """The probes of a unit's `probes.yaml`: a list, or a mapping whose `probes` is one.

    Raises UserError that names `path`, the probe's number (from 0), the field and the reason.
    """
    if len(text.encode()) > MAX_BYTES:
        raise UserError(f"{path}: over {MAX_BYTES} bytes")
    try:
        depth = 0
        for token in YAML(typ="safe", pure=True).scan(StringIO(text)):
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if isinstance(token, tok.AliasToken) or depth > MAX_DEPTH:
                raise UserError(f"{path}: holds an alias (*name), or more than {MAX_DEPTH} levels; write it out flat")
        data = YAML(typ="safe", pure=True).load(StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UserError(f"{path}:{line}: not YAML: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {error}") from error
    if isinstance(data, dict) and set(data) == {"probes"}:
        data = data["probes"]
    if data is None:
        return ()
    if not isinstance(data, list) or len(data) > MAX_PROBES:
        raise UserError(f"{path}: must be a list of at most {MAX_PROBES} probes")
    try:
        probes = _PROBES.validate_python(data)
    except ValidationError as error:
        raise UserError("\n".join(_explain(path, dict(problem)) for problem in error.errors())) from error
    problems = [f"{path}: probes.{number}.{said}" for number, probe in enumerate(probes) if (said := _problem(probe))]
    if problems:
        raise UserError("\n".join(problems))
    return probes


def run_probe(
    probe: Probe,
    *,
    outputs: Mapping[str, JsonValue],
    environment: Mapping[str, str],
    timeout: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ProbeResult:
    """Ask until the answer is as expected, at most `timeout` seconds; `detail` says what the last answer was.

    `outputs` are the unit's outputs; `environment` holds credentials, region and `AWS_ENDPOINT_URL`, and nothing is
    taken from elsewhere. A probe never raises: what cannot be asked has not passed.
    """
    started = clock()
    wait = FIRST_WAIT
    while True:
        left = timeout - (clock() - started)
        try:
            detail = _ask(_filled(probe, outputs), outputs=outputs, environment=environment, left=max(left, 1.0))
        except Refused as error:
            return ProbeResult(probe=probe.name, passed=False, detail=str(error)[:500], seconds=clock() - started)
        left = timeout - (clock() - started)
        if not detail or left <= 0:
            return ProbeResult(
                probe=probe.name, passed=not detail, detail=detail[:500], seconds=round(clock() - started, 3)
            )
        sleep(min(wait, left))
        wait = min(wait * 2, LONGEST_WAIT)


def mismatch(expected: JsonValue, actual: Any, *, place: str = "answer") -> str:
    """Where `actual` does not hold `expected`; empty when it does.

    A mapping must hold the expected keys; a list must hold, for each expected item, one that matches (and an empty
    expected list stands for an empty one); anything else must be equal.
    """
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{place}: expected a mapping, got {_short(actual)}"
        for key, value in expected.items():
            if key not in actual:
                return f"{place}.{key}: not there"
            if said := mismatch(value, actual[key], place=f"{place}.{key}"):
                return said
        return ""
    if isinstance(expected, list):
        if not isinstance(actual, list) or (not expected and actual):
            return f"{place}: expected {_short(expected)}, got {_short(actual)}"
        for number, value in enumerate(expected):
            tried = [mismatch(value, item, place=f"{place}[]") for item in actual]
            if all(tried):
                return tried[0] if len(tried) == 1 else f"{place}: no item matches expected item {number}"
        return ""
    if type(expected) is not type(actual) or expected != actual:
        return f"{place}: expected {_short(expected)}, got {_short(actual)}"
    return ""


def _ask(probe: Probe, *, outputs: Mapping[str, JsonValue], environment: Mapping[str, str], left: float) -> str:
    """Empty when the answer is as expected, else what is wrong with it."""
    seconds = min(left, 10.0)
    if probe.kind == "aws":
        return _ask_aws(probe, environment, seconds)
    if probe.kind == "http":
        return get_status(probe.url, expected=int(str(probe.expect.get("status", 200))), seconds=seconds)
    if probe.kind == "tcp":
        return open_port(probe.url, seconds=seconds)
    name = str(probe.arguments["name"])
    if name not in outputs:
        raise Refused(f"the unit has no output {name} that is not sensitive")
    value = outputs[name]
    text = value if isinstance(value, str) else json.dumps(value)
    pattern = str(probe.expect["matches"])
    return "" if re.fullmatch(pattern, text[:10_000]) else f"output {name}: {_short(text)} does not match {pattern}"


def _ask_aws(probe: Probe, environment: Mapping[str, str], seconds: float) -> str:
    import boto3  # half a second, and units without such a probe need none of it
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError

    cloud = {name: environment[name] for name in CLOUD_VARIABLES if environment.get(name)}
    if not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= cloud.keys():
        raise Refused("no AWS credentials were handed to this probe")
    specific = f"AWS_ENDPOINT_URL_{probe.service.upper().replace('-', '_')}"
    try:
        client = boto3.Session().client(
            probe.service,
            region_name=cloud.get("AWS_REGION") or cloud.get("AWS_DEFAULT_REGION") or "us-east-1",
            endpoint_url=cloud.get(specific) or cloud.get("AWS_ENDPOINT_URL"),
            aws_access_key_id=cloud["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=cloud["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=cloud.get("AWS_SESSION_TOKEN"),
            config=Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1}),
        )
    except (UnknownServiceError, BotoCoreError, ValueError) as error:
        raise Refused(f"{probe.service}: {error}") from error
    # `get_paginator` and other methods of the client begin alike and are no operations
    if probe.operation not in client.meta.method_to_api_mapping:
        raise Refused(f"{probe.service} has no operation {probe.operation}")
    try:
        answer = getattr(client, probe.operation)(**probe.arguments)
    except ClientError as error:
        return f"{probe.service}.{probe.operation}: {error.response.get('Error', {}).get('Code', 'error')}: {error}"
    except (BotoCoreError, TypeError) as error:
        return f"{probe.service}.{probe.operation}: {error}"
    return mismatch(probe.expect, answer)


def _filled(probe: Probe, outputs: Mapping[str, JsonValue]) -> Probe:
    filled = {name: _fill(getattr(probe, name), outputs) for name in ("arguments", "url", "expect")}
    return probe.model_copy(update=filled)


def _fill(value: Any, outputs: Mapping[str, JsonValue]) -> Any:
    """`value` with outputs in the place of `${output.NAME}`; a text that is nothing else becomes the output itself."""
    if isinstance(value, dict):
        return {key: _fill(item, outputs) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, outputs) for item in value]
    if not isinstance(value, str):
        return value
    missing = [name for name in _OUTPUT.findall(value) if name not in outputs]
    if missing:
        raise Refused(f"the unit has no output {missing[0]} that is not sensitive")
    if whole := _OUTPUT.fullmatch(value):
        return outputs[whole[1]]
    return _OUTPUT.sub(lambda match: _text(outputs[match[1]]), value)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _problem(probe: Probe) -> str:
    """What is wrong with the probe, beginning with its field; empty when nothing is."""
    if probe.kind == "aws":
        if not probe.service:
            return "service: must be given for a probe of kind aws"
        if not _READ_ONLY.fullmatch(probe.operation):
            return f"operation: must begin with get_, list_, describe_ or head_, got {probe.operation!r:.80}"
        if _SECRETS.fullmatch(f"{probe.service}.{probe.operation}"):
            return f"operation: {probe.service}.{probe.operation} reads a secret or stored data; probe something else"
    elif probe.kind == "http":
        if not re.match(r"https?://|\$\{output\.", probe.url):
            return f"url: must begin with http:// or https://, got {probe.url!r:.80}"
        if set(probe.expect) - {"status"}:
            return f"expect: only status is known for a probe of kind http, got {sorted(probe.expect)}"
        status = probe.expect.get("status", 200)
        if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
            return f"expect.status: must be a number from 100 to 599, got {status!r:.80}"
    elif probe.kind == "tcp":
        if not re.fullmatch(r"\S+:\S+|\$\{output\.\S+\}", probe.url):
            return f"url: must be host:port, got {probe.url!r:.80}"
    else:
        if not isinstance(probe.arguments.get("name"), str):
            return "arguments.name: must be the name of an output for a probe of kind output"
        try:
            re.compile(str(probe.expect["matches"]))
        except (KeyError, re.error) as error:
            return f"expect.matches: must be a regular expression for a probe of kind output: {error}"
    return ""


def _explain(path: str, problem: Mapping[str, Any]) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    got = "" if problem["type"] == "missing" else f", got {problem['input']!r:.80}"
    return f"{path}: probes.{field}: {problem['msg']}{got}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
