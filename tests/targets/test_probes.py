"""Probes: what a file may ask for, and what is asked and how."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import JsonValue

from agent.domain import Probe, ProbeResult
from agent.errors import UserError
from agent.sandbox.cloud import CREDENTIALS
from agent.targets.probes import load_probes, mismatch, run_probe
from agent.targets.probes_net import never_asked

# as the fixture `settings` has them
REGION, STATE_BUCKET = "eu-central-1", "infra-agent-state"


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def ask(probe: Probe, *, timeout: float = 0, clock: Clock | None = None, **outputs: JsonValue) -> ProbeResult:
    clock = clock or Clock()
    return run_probe(probe, outputs=outputs, environment={}, timeout=timeout, clock=clock, sleep=clock.sleep)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status = {"/moved": 302, "/late": 200 if len(asked) > 2 else 503}.get(self.path.split("?")[0], 200)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/target")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    httpd.server_close()


def test_a_file_holds_a_list_or_probes() -> None:
    one = "- name: up\n  kind: tcp\n  url: db.internal:5432\n"
    (probe,) = load_probes(one)
    assert probe == Probe(name="up", kind="tcp", url="db.internal:5432")
    assert load_probes("probes:\n" + one) == (probe,)
    assert load_probes("") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- name: x\n  kind: ftp\n", r"u/probes\.yaml: probes\.0\.kind: .*got 'ftp'"),
        ("- kind: tcp\n  url: a:1\n", r"probes\.0\.name: Field required"),
        ("- name: x\n  kind: tcp\n  url: a:1\n  shell: id\n", r"probes\.0\.shell: Extra inputs"),
        ("- name: x\n  kind: aws\n  operation: get_x\n", r"probes\.0\.service: must be given"),
        (
            "- name: x\n  kind: aws\n  service: s3\n  operation: delete_bucket\n",
            r"probes\.0\.operation: must begin with",
        ),
        (
            "- name: x\n  kind: aws\n  service: s3\n  operation: get_bucket.__class__\n",
            r"probes\.0\.operation: must begin",
        ),
        ("- name: x\n  kind: aws\n  service: secretsmanager\n  operation: get_secret_value\n", r"reads a secret"),
        ("- name: x\n  kind: aws\n  service: ssm\n  operation: get_parameters_by_path\n", r"reads a secret"),
        ("- name: x\n  kind: aws\n  service: sts\n  operation: get_session_token\n", r"reads a secret"),
        ("- name: x\n  kind: http\n  url: file:///etc/passwd\n", r"probes\.0\.url: must begin with http"),
        ("- name: x\n  kind: http\n  url: http://a\n  expect: {body: x}\n", r"probes\.0\.expect: only status"),
        ("- name: x\n  kind: http\n  url: http://a\n  expect: {status: yes}\n", r"probes\.0\.expect\.status"),
        ("- name: x\n  kind: tcp\n  url: host\n", r"probes\.0\.url: must be host:port"),
        ("- name: x\n  kind: output\n", r"probes\.0\.arguments\.name"),
        ("- name: x\n  kind: output\n  arguments: {name: a}\n  expect: {matches: '('}\n", r"expect\.matches"),
        ("- &a 1\n- *a\n", r"holds an alias"),
        ("a: [\n", r"u/probes\.yaml:2: not YAML"),
        ("just text", r"must be a list"),
        ("[" * 20_000, r"more than 20 levels"),
        ("- {name: x, kind: tcp, url: 'a:1'}\n" * 51, r"at most 50"),
        ("x" * 70_000, r"over 65536 bytes"),
        ("!!python/object/apply:os.system ['id']", r"probes\.yaml"),
    ],
)
def test_a_wrong_file_is_refused_by_field(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_probes(text, path="u/probes.yaml")


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "answer.a.b: expected 'x', got 'y'"),
        ({"a": 1}, {}, "answer.a: not there"),
        ({"a": 1}, [], "answer: expected a mapping, got []"),
        ([{"a": 1}], [{"a": 2}, {"a": 1, "c": 3}], ""),
        ([{"a": 1}], [{"a": 2}], "answer[].a: expected 1, got 2"),
        ([{"a": 1}], [], "answer: no item matches expected item 0"),
        ([], [1], "answer: expected [], got [1]"),
        ([], [], ""),
        (True, 1, "answer: expected True, got 1"),
        ("1", 1, "answer: expected '1', got 1"),
    ],
)
def test_mismatch(expected: JsonValue, actual: object, said: str) -> None:
    assert mismatch(expected, actual) == said


def test_http_asks_once_and_follows_no_redirect(server: tuple[str, list[str]]) -> None:
    url, asked = server
    assert ask(Probe(name="up", kind="http", url=f"{url}/?q=1")).passed
    moved = ask(Probe(name="moved", kind="http", url=f"{url}/moved"))
    assert (moved.passed, asked) == (False, ["/?q=1", "/moved"])
    assert moved.detail.endswith("expected status 200, got 302")
    assert ask(Probe(name="moved", kind="http", url=f"{url}/moved", expect={"status": 302})).passed


def test_a_probe_asks_again_until_its_time_is_up(server: tuple[str, list[str]]) -> None:
    url, asked = server
    assert ask(Probe(name="late", kind="http", url="${output.url}/late"), timeout=5, url=url).passed
    assert len(asked) == 3
    clock = Clock()
    never = ask(Probe(name="never", kind="http", url=f"{url}/", expect={"status": 204}), timeout=40, clock=clock)
    assert not never.passed
    assert clock.waits == [0.5, 1, 2, 4, 8, 10, 10, 4.5]
    assert never.seconds == 40


def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert ask(Probe(name="up", kind="tcp", url=f"localhost:{port}")).passed
    down = ask(Probe(name="down", kind="tcp", url=f"127.0.0.1:{port}"))
    assert not down.passed
    assert "refused" in down.detail


def dripping(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        for _ in range(100):
            try:
                connection.sendall(b"H")
            except OSError:
                return
            time.sleep(0.1)


def test_a_server_that_drips_its_answer_costs_its_time_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=dripping, args=(listener,), daemon=True)
        thread.start()
        started = time.monotonic()
        result = ask(Probe(name="slow", kind="http", url=f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        assert not result.passed
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://168.63.129.16/",
        "http://0.0.0.0/",
        "http://user:password@127.0.0.1/",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1:99999/",
        "http:///x",
    ],
)
def test_what_is_never_asked(url: str) -> None:
    clock = Clock()
    result = ask(Probe(name="no", kind="http", url=url), timeout=60, clock=clock)
    assert not result.passed
    assert result.detail
    assert clock.waits == [], "refused at once, not asked again"


def test_a_tcp_probe_asks_no_metadata_service_either() -> None:
    result = ask(Probe(name="no", kind="tcp", url="169.254.169.254:80"))
    assert "link-local or metadata" in result.detail


@pytest.mark.parametrize("text", ["64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::ffff:100.100.100.200", "ff02::1"])
def test_addresses_inside_addresses(text: str) -> None:
    assert never_asked(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["10.0.0.1", "127.0.0.1", "2001:db8::1", "64:ff9b::808:808", "fd00::1"])
def test_addresses_that_may_be_asked(text: str) -> None:
    assert not never_asked(ipaddress.ip_address(text))


def test_output() -> None:
    probe = Probe(name="arn", kind="output", arguments={"name": "arn"}, expect={"matches": "arn:aws:s3:::.+"})
    assert ask(probe, arn="arn:aws:s3:::x").passed
    assert ask(probe, arn="x arn:aws:s3:::x").detail == "output arn: 'x arn:aws:s3:::x' does not match arn:aws:s3:::.+"
    clock = Clock()
    missing = ask(probe, timeout=60, clock=clock)
    assert missing.detail == "the unit has no output arn that is not sensitive"
    assert clock.waits == []


@pytest.fixture
def asker(moto_url: str) -> Callable[..., ProbeResult]:
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": moto_url, "AWS_REGION": REGION}

    def asked(*, operation: str, expect: dict[str, JsonValue], **arguments: JsonValue) -> ProbeResult:
        probe = Probe(name="p", kind="aws", service="s3", operation=operation, arguments=arguments, expect=expect)
        clock = Clock()
        return run_probe(
            probe, outputs={"b": STATE_BUCKET}, environment=environment, timeout=1, clock=clock, sleep=clock.sleep
        )

    return asked


def test_aws(asker: Callable[..., ProbeResult]) -> None:
    assert asker(operation="get_bucket_versioning", expect={"Status": "Enabled"}, Bucket="${output.b}").passed
    other = asker(operation="get_bucket_versioning", expect={"Status": "Off"}, Bucket=STATE_BUCKET)
    assert other.detail == "answer.Status: expected 'Off', got 'Enabled'"
    absent = asker(operation="get_bucket_versioning", expect={}, Bucket="no-such-bucket")
    assert "NoSuchBucket" in absent.detail
    wrong = asker(operation="get_bucket_versioning", expect={}, Buckets="x")
    assert "Buckets" in wrong.detail
    method = asker(operation="get_paginator", expect={}, operation_name="list_buckets")
    assert method.detail == "s3 has no operation get_paginator"
    assert not asker(operation="get_nothing", expect={}).passed


def test_aws_without_credentials_asks_nobody() -> None:
    probe = Probe(name="p", kind="aws", service="s3", operation="list_buckets")
    assert ask(probe).detail == "no AWS credentials were handed to this probe"
    credentials = {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    clock = Clock()
    unknown = run_probe(
        probe.model_copy(update={"service": "no-such"}),
        outputs={}, environment=credentials, timeout=60, clock=clock, sleep=clock.sleep,
    )  # fmt: skip
    assert not unknown.passed
    assert clock.waits == []
