"""The answers by which GitHub refuses, each with its status and its body."""

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"
Problem = Mapping[str, Any] | str


class ApiError(Exception):
    """A refusal in GitHub's shape: `message`, `documentation_url`, `status` and, on a 422, `errors`."""

    def __init__(self, status: int, message: str, *, errors: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)

    def body(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "message": self.message,
            "documentation_url": DOCUMENTATION,
            "status": str(self.status),
        }
        if self.errors:
            answer["errors"] = [dict(error) if isinstance(error, Mapping) else error for error in self.errors]
        return answer


def not_found() -> ApiError:
    return ApiError(404, "Not Found")


def bad_credentials() -> ApiError:
    return ApiError(401, "Bad credentials")


def no_credentials() -> ApiError:
    return ApiError(401, "Requires authentication")


def not_granted() -> ApiError:
    """A job's token without the permission that the endpoint needs."""
    return ApiError(403, "Resource not accessible by integration")


def role_missing() -> ApiError:
    return ApiError(403, "Must have admin rights to Repository.")


def invalid(resource: str, field: str, code: str, message: str = "") -> ApiError:
    """422 for one field; `code` is GitHub's: missing, missing_field, invalid, already_exists, custom."""
    problem = {"resource": resource, "field": field, "code": code}
    if message:
        problem["message"] = message
    return ApiError(422, "Validation Failed", errors=[problem])


def unprocessable(message: str, *errors: Problem) -> ApiError:
    return ApiError(422, message, errors=errors)
