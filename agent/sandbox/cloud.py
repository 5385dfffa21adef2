"""Bucket names in, a local AWS that answers at a loopback URL out; it ends with the process that started it."""

import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from agent.errors import ToolError
from agent.settings import Settings
from agent.tools import allowed

# a local AWS asks for no particular key, but the clients refuse to work without one
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local-aws-key", "AWS_SECRET_ACCESS_KEY": "local-aws-secret"}
START_SECONDS = 30.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Cloud:
    """A running local AWS. `environment` is what a client needs to reach it, and it alone."""

    url: str
    region: str
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "AWS_REGION": self.region}

    def stop(self) -> None:
        """End it, at most `STOP_SECONDS` politely. What it held is gone."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(*, buckets: Iterable[str], region: str, environ: Mapping[str, str], log: IO[bytes] | None = None) -> Cloud:
    """Start it on a free port and make `buckets` (versioned, as a state bucket should be).

    `environ` gives the child its base variables; `log` gets what it prints. Raises ToolError when it does not answer
    within `START_SECONDS`.
    """
    deadline = time.monotonic() + START_SECONDS

    process = subprocess.Popen(
        [sys.executable, "-m", "agent.sandbox.cloud"],
        env={**allowed(environ), **CREDENTIALS, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log if log is not None else subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches the parent, which stops it in its own order
    )
    cloud = Cloud(url="", region=region, process=process)
    try:
        import boto3  # while the child is loading: both take most of a second
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        cloud = Cloud(url=f"http://127.0.0.1:{_port(process, deadline)}", region=region, process=process)
        client = boto3.client(
            "s3",
            endpoint_url=cloud.url,
            region_name=region,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(connect_timeout=5, read_timeout=20, proxies={}),
        )
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        for bucket in buckets:
            try:
                client.create_bucket(Bucket=bucket, **where)
                client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            except ClientError as error:
                raise ToolError(f"bucket {bucket}: {error.response['Error']['Code']}: {error}") from error
            except BotoCoreError as error:
                raise ToolError(f"bucket {bucket}: {error}") from error
    except BaseException:
        cloud.stop()
        raise
    return cloud


@contextmanager
def serving(settings: Settings, *, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """What reaches a local AWS with the state buckets of all environments, for as long as it is wanted."""
    buckets = sorted({one.state.bucket for one in settings.environments.values()})
    regions = [one.state.region for one in settings.environments.values()] or ["us-east-1"]
    cloud = start(buckets=buckets, region=regions[0], environ=environ)
    try:
        yield cloud.environment
    finally:
        cloud.stop()


def _port(process: subprocess.Popen[bytes], deadline: float) -> int:
    """The port that the child prints once it listens."""
    assert process.stdout is not None
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(timeout=max(deadline - time.monotonic(), 0)):
                raise ToolError(f"the local AWS did not answer within {START_SECONDS:g} s")
            data = os.read(process.stdout.fileno(), 64)
            if not data:
                raise ToolError(f"the local AWS ended with code {process.wait()} before it answered")
            line += data
    return int(line)


def _serve() -> None:
    """The child: serve on a free port, print it, and end when the parent's end of standard input closes."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from agent.sandbox.cloud_gaps import mend

    mend()

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # threads that serve a request would keep a polite exit waiting


if __name__ == "__main__":
    _serve()
