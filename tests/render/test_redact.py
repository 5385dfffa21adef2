"""No secret gets out, in whatever shape it arrives; what merely looks strange stays."""

import base64
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.render.redact import REDACTED, redact

# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PAT = "github_pat_" + "11ABCDEFG0aBcDeFgHiJkL_" + "m" * 40
SLACK = "xoxb-" + "123456789012-abcdefABCDEF"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
ANTHROPIC = "sk-ant-" + "api03-" + "AbCd1234" * 8
OPENAI = "sk-proj-" + "AbCd1234" * 6
PEM = (
    "-----BEGIN RSA "
    + "PRIVATE KEY-----\n"
    + "MIIEowIBAAKCAQEAxyz\nabcdEFGH1234\n"
    + "-----END RSA "
    + "PRIVATE KEY-----"
)
VALUES = [AWS, GITHUB, PAT, SLACK, JWT, ANTHROPIC, OPENAI, PEM]


@pytest.mark.parametrize("secret", VALUES)
def test_by_pattern(secret: str) -> None:
    made = redact(f"before {secret} after")
    assert made == f"before {REDACTED} after"


@pytest.mark.parametrize("secret", [AWS, GITHUB, PAT, SLACK, ANTHROPIC, OPENAI])
@pytest.mark.parametrize("between", ["\x1b[31m", "\n", "\n    ", "\u200b", "\x1b[0m\n"])
def test_by_pattern_when_torn(secret: str, between: str) -> None:
    torn = secret[:9] + between + secret[9:]
    made = redact(f"before {torn}\nafter")
    assert secret[10:22] not in made
    assert secret[:9] not in made
    assert made.startswith("before (redacted)")
    assert made.endswith("after")


def test_a_wrapped_token_is_taken_out_to_its_last_line() -> None:
    wrapped = "\n".join(JWT[start : start + 30] for start in range(0, len(JWT), 30))
    assert redact(f"token\n{wrapped}\nand more words") == f"token\n{REDACTED}\nand more words"


def test_an_unclosed_key_is_taken_out_to_the_end() -> None:
    assert redact("x\n" + PEM.rsplit("-----END", 1)[0]) == f"x\n{REDACTED}"


CANARY = "s3cr3t value/with+odd&chars"


@pytest.mark.parametrize(
    "shown",
    [
        CANARY,
        CANARY[:5] + "\n" + CANARY[5:],
        CANARY[:5] + "\x1b[1m" + CANARY[5:],
        base64.b64encode(CANARY.encode()).decode(),
        base64.b64encode(b"x" + CANARY.encode()).decode(),
        base64.b64encode(b"user:" + CANARY.encode()).decode(),
        base64.urlsafe_b64encode(b"xy" + CANARY.encode() + b"z").decode(),
        CANARY.encode().hex(),
        CANARY.encode().hex().upper(),
        quote(CANARY, safe=""),
        CANARY[::-1],
    ],
)
def test_by_value_in_every_encoding(shown: str) -> None:
    made = redact(f"before [{shown}] after", values=[CANARY, "x", ""])
    assert shown not in made
    assert shown[8:20] not in made
    assert REDACTED in made
    assert made.startswith("before [")
    assert made.endswith("] after")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('password = "hunter2!"', 'password = "(redacted)"'),
        ("DB_PASSWORD=hunter2!", "DB_PASSWORD=(redacted)"),
        ("api_key: a1b2c3d4e5", "api_key: (redacted)"),
        ('"client_secret": "abcdefgh"', '"client_secret": "(redacted)"'),
        ("postgres://app:pa55word@db.internal:5432/x", "postgres://app:(redacted)@db.internal:5432/x"),
        ("Authorization: Bearer abcdef1234567", "Authorization: Bearer (redacted)"),
        (
            "DefaultEndpointsProtocol=https;AccountKey=abcdefghijklmnop==;",
            "DefaultEndpointsProtocol=https;AccountKey=(redacted);",
        ),
        ("https://x.blob/y?sv=1&sig=abcdefgh%3D", "https://x.blob/y?sv=1&sig=(redacted)"),
        ("key wJalrXUtnFEMIaK7MDENGbPxRfiCYEXAMPLEKEY1 there", "key (redacted) there"),
    ],
)
def test_assigned_and_random(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "commit 1f0c4a52bd8f7a0c3f3f4d1f6a1f8f2b9d7e6c5b",
        "sha256:" + "c0ffee12" * 8,
        "digest " + "0123456789abcdef" * 4,
        '"h1:IGRbK3jhcKDTqbBlfvPqS3nP5dGHrXE8jZ+cq2NVnDs=",',
        "sha512-R0VSI3CAQ1Nvr5fq0RY2XJ3Q8jZ1aB9cDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefABCDEF==",
        "arn:aws:iam::123456789012:role/Terraform-Apply-Role-In-Production",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/Web-Service/50dc6c495c0c9188",
        "123e4567-e89b-12d3-a456-426614174000",
        'module.web["blue-Green"].aws_s3_bucket_server_side_encryption_configuration.this[0]',
        "infra/terraform/dev/Checkout-Logs-2/MainConfiguration/terraform.tfstate",
        "password = (sensitive value)",
        "password = (known after apply)",
        "password = var.db_password",
        "secret = random_password.main.result",
        "token = null",
        "max_token: 4096",
        "secret: the name of the secret",
        "token_count = 12",
        "i-0abcd1234efgh5678 subnet-0123456789abcdef0",
        "CKV_AWS_144 Ensure that S3 bucket has cross-region replication enabled",
        "registry.example/hashicorp/aws/5.100.0/linux_amd64/terraform-provider-aws_v5.100.0_x5",
        "https://docs.example.org/policies/aws-policies/S3-Bucket-Policies/BC_AWS_S3_16-enable-versioning",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([*VALUES, "password=", "token: ", "\n", "\x1b[0m", " "]), st.text(max_size=9)),
        max_size=8,
    )
)
def test_never_leaks_and_stays_as_it_is_the_second_time(parts: list[str]) -> None:
    made = redact(" ".join(parts))
    for secret in VALUES:
        assert secret not in made
    assert redact(made) == made


@settings(max_examples=200, deadline=None)
@given(
    st.text(min_size=5, max_size=30).filter(lambda text: len(text.strip()) >= 5),
    st.text(max_size=20),
    st.integers(0, 30),
)
def test_a_known_value_never_gets_through(value: str, around: str, cut: int) -> None:
    text = (
        f"{around} {value[:cut]}\n{value[cut:]} {value} {base64.b64encode(value.encode('utf-8', 'replace')).decode()}"
    )
    made = redact(text, values=[value])
    assert value not in made or value in REDACTED


def test_long_texts_take_no_time() -> None:
    hostile = [
        "\n" * 200_000,
        "a" * 200_000,
        "password=" * 20_000,
        "eyJ" * 60_000,
        "http://" * 30_000,
        "A1b2" * 50_000,
        "-----BEGIN " * 20_000,
    ]
    started = time.monotonic()
    for text in hostile:
        redact(text, values=[CANARY])
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_by_value_in_base64_at_each_of_the_three_places(before: str) -> None:
    # too short for the entropy rule to see it
    shown = base64.b64encode(f"{before}hunter2 ok".encode()).decode()
    made = redact(f"[{shown}]", values=["hunter2 ok"])
    assert REDACTED in made
    assert len(made) <= len(REDACTED) + 8
