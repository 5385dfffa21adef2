"""Settings and the trusted provider lock -> what each resource type takes, asked of the providers once and kept."""

import hashlib
import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from agent.domain import File
from agent.errors import ToolError
from agent.models.tools.place import Place
from agent.models.tools.ranking import Ranking, words
from agent.targets import terraform_cli as cli
from agent.targets.terraform_files import LOCK_FILE, lock_for, required_providers
from agent.tools import clean_copy

# Part of the file's name: a file that was written in another form is never read.
FORMAT = 2
KINDS = {"resource": "resource_schemas", "data": "data_source_schemas", "ephemeral": "ephemeral_resource_schemas"}
_FOLDER = "schema"
# What people call a service that its types name in short.
CALLED = {
    "acm": "certificate tls", "apigatewayv2": "http api gateway", "autoscaling": "asg scaling", "cloudfront": "cdn",
    "cloudwatch": "metric alarm monitoring", "db": "rds relational database postgres mysql", "dynamodb": "nosql",
    "ecr": "container registry image", "ecs": "container", "efs": "file system nfs", "eip": "public static address",
    "eks": "kubernetes", "elasticache": "redis memcached cache", "iam": "identity permission", "instance": "server vm",
    "kms": "encryption key", "lb": "load balancer alb nlb", "mq": "rabbitmq activemq broker", "msk": "kafka",
    "rds": "relational database postgres mysql", "route53": "dns domain", "s3": "object storage", "ses": "email mail",
    "sfn": "step function workflow", "sns": "notification topic", "sqs": "message dead letter", "ssm": "parameter",
    "wafv2": "web firewall",
}  # fmt: skip


class Schema(NamedTuple):
    """`body` is the block as Terraform tells it: attributes and block_types."""

    kind: str
    name: str
    provider: str
    body: Mapping[str, Any]


def find(place: Place, kind: str, name: str) -> Schema | None:
    """The schema of one type; `kind` is resource, data or ephemeral. Raises ToolError: the providers did not tell."""
    with closing(_open(database(place))) as found:
        row = found.execute("SELECT provider, body FROM type WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return Schema(kind, name, row[0], json.loads(row[1])) if row else None


def ranking(place: Place) -> Ranking:
    """Every type, to be searched by its name and by those of its arguments. Names are `kind name`."""
    return _ranking(database(place))


def database(place: Place) -> Path:
    """The file that holds the schemas of the providers that the settings name, made when it is not there.

    Its name says what is in it: the lock and the providers. Raises ToolError: Terraform or a provider could not be run.
    """
    providers = {name: one.model_dump() for name, one in place.settings.terraform.providers.items()}
    what = json.dumps([FORMAT, place.lock, providers], sort_keys=True)
    path = place.cache / f"provider-schema-{hashlib.sha256(what.encode()).hexdigest()[:24]}.sqlite"
    if not path.is_file():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, _told(place))
    return path


def _told(place: Place) -> Mapping[str, Any]:
    """`terraform providers schema -json` in a folder that holds nothing but the providers' names."""
    providers = place.settings.terraform.providers
    files = [
        File(path=f"{_FOLDER}/main.tf", content="\n".join(["terraform {", *required_providers(providers), "}", ""]))
    ]
    if place.lock:
        lock = lock_for(place.lock, sources={one.source for one in providers.values()})
        files.append(File(path=f"{_FOLDER}/{LOCK_FILE}", content=lock))
    with clean_copy(files) as root, cli.workspace(place.tools, root, _FOLDER, place.settings) as ready:
        if failed := cli.init(ready, backend=False):
            raise ToolError(f"the providers could not be installed: {cli.reason(failed, place.tools.environment)}")
        done = ready.run("providers", "schema", "-json", ok=(0,), seconds=cli.QUICK_SECONDS)
    try:
        told: Mapping[str, Any] = json.loads(done.stdout)["provider_schemas"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError("`terraform providers schema -json` gave an answer that cannot be read") from error
    return told


def _write(path: Path, told: Mapping[str, Any]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as made, made:
            made.execute(
                "CREATE TABLE type "
                "(kind TEXT, name TEXT, provider TEXT, body TEXT, words TEXT, PRIMARY KEY (kind, name))"
            )
            made.executemany("INSERT INTO type VALUES (?, ?, ?, ?, ?)", _rows(told))
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _rows(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    for address, schemas in told.items():
        provider = address.partition("/")[2]
        for kind, key in KINDS.items():
            for name, schema in (schemas.get(key) or {}).items():
                body = schema["block"]
                inside = [*(body.get("attributes") or {}), *(body.get("block_types") or {})]
                # A type's own name counts more than those of its arguments.
                named = words(name)
                called = [word for one in named for word in words(CALLED.get(one, ""))]
                text = [*named * 4, *called * 2, *words(" ".join(inside)), *words(str(body.get("description") or ""))]
                yield kind, name, provider, json.dumps(body, separators=(",", ":")), " ".join(text)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


@lru_cache(maxsize=4)
def _ranking(path: Path) -> Ranking:
    with closing(_open(path)) as found:
        rows = found.execute("SELECT kind, name, words FROM type ORDER BY kind DESC, length(name), name").fetchall()
    return Ranking({f"{kind} {name}": text.split() for kind, name, text in rows})


def near(place: Place, name: str) -> list[str]:
    """Types whose names are most like `name`."""
    return [found.partition(" ")[2] for found in ranking(place).best(re.sub(r"^[a-z]+_", "", name), most=5)]
