"""Secrets by detect-secrets' patterns."""

from collections.abc import Callable

import pytest

from agent.checks import secrets
from agent.checks.check import Context
from agent.domain import File

Contexts = Callable[..., Context]

KEY = "AKIA" + "QX4BIPT7ZLM2WNC5"
SECRETS = {
    "aws-key": f'access_key = "{KEY}"',
    "github-token": "ghp" + "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO2SJ7Bb",
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "password-in-url": "https://user:" + "hunter2@example.org",
    "slack-token": "xoxb-" + "34532454-e039d02840a0b9379c",
    "stripe-key": "sk_live_" + "ReTllpYQYfIZu2Jnf2lAPFjD",
    "json-web-token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
}


def rules(text: str, context: Context, path: str = "infra/x.tf") -> list[tuple[str, int]]:
    result = secrets.run([File(path=path, content=text)], context=context)
    assert (result.run.files_given, result.run.files_seen) == (1, 1)
    assert all(finding.severity == "critical" for finding in result.findings)
    return [(finding.rule, finding.line) for finding in result.findings]


@pytest.mark.parametrize("rule", SECRETS)
@pytest.mark.parametrize("path", ["infra/x.tf", "README.md", "a.yaml"])
def test_what_is_found(context: Contexts, rule: str, path: str) -> None:
    assert (rule, 2) in rules(f"\n{SECRETS[rule]}\n", context(), path)


@pytest.mark.parametrize("comment", ["# pragma: allowlist secret", "// pragma: whitelist secret", "# nosec"])
def test_a_comment_does_not_hide_it(context: Contexts, comment: str) -> None:
    assert rules(f"x = {KEY}  {comment}\n", context()) == [("aws-key", 1)]
    assert rules(f"# pragma: allowlist nextline secret\nx = {KEY}\n", context()) == [("aws-key", 2)]


def test_it_is_never_repeated(context: Contexts) -> None:
    result = secrets.run([File(path="x.tf", content=KEY)], context=context())
    assert result.findings
    assert KEY not in repr(result)


@pytest.mark.parametrize(
    "text",
    [
        "password = var.password\n",
        'url = "postgres://${var.user}:${var.password}@${aws_db_instance.this.address}/x"\n',
        'url: "https://{{ user }}:{{ password }}@example.org"\n',
        'arn = "arn:aws:iam::123456789012:role/deploy"\n',
        'kms_key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"\n',
        'source = "git::https://github.com/org/x?ref=0123456789abcdef0123456789abcdef01234567"\n',
        'hashes = ["h1:7DOl3u1TGXp1ZmzQ9Zb1bA0zLk3zK0lB0lY1C9aTzQk="]\n',
        'url: "https://{{user}}:{{password}}@example.org"\n',
        "image: nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    ],
)
def test_ordinary_lines_pass(context: Contexts, text: str) -> None:
    assert rules(text, context()) == []


def test_no_file_is_nothing_to_check(context: Contexts) -> None:
    assert secrets.run([File(path="x.tf", content=None)], context=context()).run.files_given == 0
