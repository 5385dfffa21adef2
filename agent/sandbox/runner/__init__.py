"""Workflow files of the sandbox's repositories in, jobs that really run out."""

from agent.sandbox.runner.model import Workflow
from agent.sandbox.runner.records import Annotation, Job, Run, Step
from agent.sandbox.runner.runner import Runner
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.workflow import load_workflow

__all__ = ["Annotation", "Job", "Run", "Runner", "Step", "Workflow", "WorkflowError", "load_workflow"]
