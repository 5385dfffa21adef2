"""The local AWS starts, holds the state buckets, and never outlives who started it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3
import pytest

from agent.errors import ToolError
from agent.sandbox import cloud
from agent.tools import allowed


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def gone(url: str, *, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not answers(url):
            return True
        time.sleep(0.1)
    return False


def test_it_answers_with_versioned_buckets_and_ends() -> None:
    running = cloud.start(buckets=["state-one", "state-two"], region="eu-central-1", environ=os.environ)
    try:
        s3 = boto3.client(
            "s3",
            endpoint_url=running.environment["AWS_ENDPOINT_URL"],
            region_name=running.environment["AWS_REGION"],
            aws_access_key_id=running.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=running.environment["AWS_SECRET_ACCESS_KEY"],
        )
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["state-one", "state-two"]
        assert s3.get_bucket_versioning(Bucket="state-two")["Status"] == "Enabled"
    finally:
        running.stop()
    assert running.process.returncode == 0, "ended politely, not by force"
    assert not answers(running.url)
    running.stop()


def test_two_stand_side_by_side() -> None:
    one = cloud.start(buckets=[], region="us-east-1", environ=os.environ)
    two = cloud.start(buckets=["b-one"], region="us-east-1", environ=os.environ)
    try:
        assert one.url != two.url
        one.stop()
        assert answers(two.url)
    finally:
        one.stop()
        two.stop()


def test_it_ends_when_its_parent_is_killed() -> None:
    program = (
        "import os, time; from agent.sandbox import cloud; "
        "c = cloud.start(buckets=[], region='us-east-1', environ=os.environ); print(c.url, flush=True); time.sleep(60)"
    )
    environment = {**allowed(os.environ), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        parent.send_signal(signal.SIGKILL)
    assert gone(url, within=5)


def test_its_child_sees_no_secret_of_the_parent() -> None:
    running = cloud.start(buckets=[], region="us-east-1", environ={**os.environ, "SECRET_CANARY": "canary-4711"})
    try:
        with open(f"/proc/{running.process.pid}/environ", "rb") as file:  # noqa: PTH123 - not a file of ours
            assert b"canary" not in file.read()
    except FileNotFoundError:
        pytest.skip("no /proc here")
    finally:
        running.stop()


def test_a_bucket_that_cannot_be_made_is_named() -> None:
    with pytest.raises(ToolError, match="bucket No: InvalidBucketName"):
        cloud.start(buckets=["No"], region="us-east-1", environ=os.environ)
