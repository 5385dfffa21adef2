"""What is asked again, and when."""

import pytest

from agent.github.moods import LOST, again, repeatable

NOW = 1_000_000.0
SAFE = [("GET", "/repos/a/b/issues"), ("PUT", "/repos/a/b/x"), ("PATCH", "/repos/a/b/issues/comments/1")]
SAFE += [("DELETE", "/repos/a/b/issues/1/labels/x"), ("PATCH", "/repos/a/b/git/refs/heads/x")]
UNSAFE = [("POST", "/repos/a/b/issues/1/comments"), ("PATCH", "/repos/a/b/check-runs/7")]
UNSAFE += [("DELETE", "/repos/a/b/git/refs/infra-agent/locks/x"), ("POST", "/graphql")]


def asked(verb: str, path: str, status: int, *, message: str = "", attempt: int = 0, **headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = again(verb, path, status=status, headers=named, message=message, attempt=attempt, now=NOW)
    return None if found is None else found.seconds


@pytest.mark.parametrize(("verb", "path"), SAFE)
@pytest.mark.parametrize("status", [LOST, 500, 502, 503, 504])
def test_what_does_the_same_twice_is_repeated(verb: str, path: str, status: int) -> None:
    assert [asked(verb, path, status, attempt=attempt) for attempt in range(3)] == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(("verb", "path"), UNSAFE)
@pytest.mark.parametrize("status", [LOST, 500, 502, 503, 504])
def test_what_adds_something_is_never_repeated_blindly(verb: str, path: str, status: int) -> None:
    assert not repeatable(verb, path)
    assert asked(verb, path, status) is None


@pytest.mark.parametrize(("verb", "path"), [*SAFE, *UNSAFE])
def test_what_a_limit_refused_was_not_done_and_may_be_said_again(verb: str, path: str) -> None:
    secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    assert asked(verb, path, 403, retry_after="7") == 7
    assert asked(verb, path, 429) == 60
    assert asked(verb, path, 403, message=secondary, attempt=1) == 120
    until = str(int(NOW) + 90)
    assert asked(verb, path, 403, x_ratelimit_remaining="0", x_ratelimit_reset=until) == 91
    past = str(int(NOW) - 90)
    assert asked(verb, path, 429, x_ratelimit_remaining="0", x_ratelimit_reset=past) == 1


@pytest.mark.parametrize("status", [200, 201, 304, 400, 401, 403, 404, 409, 410, 422])
def test_an_answer_that_will_not_change_stands(status: int) -> None:
    message = "Resource not accessible by integration"
    assert asked("GET", "/repos/a/b", status, message=message, x_ratelimit_remaining="12") is None
