"""The texts for people, by who reads them: the issue, the pull request, somebody who gave a command."""

from agent.render.applied import applied_section
from agent.render.notices import failure, help_text, refusal
from agent.render.pull import commit_message, pull_request_body, pull_request_title
from agent.render.sections import checks_section, plan_section, verdict_section
from agent.render.status import answer, status

__all__ = [
    "answer",
    "applied_section",
    "checks_section",
    "commit_message",
    "failure",
    "help_text",
    "plan_section",
    "pull_request_body",
    "pull_request_title",
    "refusal",
    "status",
    "verdict_section",
]
