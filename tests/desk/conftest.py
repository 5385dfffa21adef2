"""The desk's fixtures: checkov's interpreter, as for the checks."""

from tests.checks.fixtures import checkov_python

__all__ = ["checkov_python"]
