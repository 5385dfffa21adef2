"""The checks' fixtures, for the tests in this folder."""

from tests.checks.fixtures import (
    ansible_python,
    checkov_python,
    context,
    guardrails,
    kubernetes_python,
    program,
    worker,
)

__all__ = ["ansible_python", "checkov_python", "context", "guardrails", "kubernetes_python", "program", "worker"]
