"""The checks' fixtures, for the tests in this folder."""

from tests.checks.fixtures import checkov_python, context, guardrails, program, worker

__all__ = ["checkov_python", "context", "guardrails", "program", "worker"]
