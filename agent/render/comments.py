"""Documents of the pipeline -> Markdown bodies for issues and pull requests. Pure (SIGNATURES; bodies follow)."""

from agent.domain import (
    ChangeSet, Finding, Findings, Intent, Merge, Outcome, Plan, Proposal, Request, Scope, Value, Verdict,
)
from agent.render.page import Context, Failure, Section  # noqa: F401  (Context: trusted addresses + secrets to redact)

# agent/render/page.py:
#   class Context(Value): repository: str  (https://github.com/acme/infra, no slash at the end)
#                         run: str = ""    (address of the workflow run)
#                         link_hosts: tuple[str, ...] = HELP_HOSTS ; secrets: tuple[str, ...] = () (values to redact)
#   class Failure(Value): job: str; reason: str; log_url: str = ""
#   marker(section) -> "<!-- infra-agent:status -->" ; find_marker(body) -> section | None  (start of the body only)
# Every body below STARTS WITH ITS MARKER, is sanitized, redacted and fits GitHub's size.

def status(context: Context, *, request: Request | None = None, intent: Intent | None = None,
           change: ChangeSet | None = None, findings: Findings | None = None, proposal: Proposal | None = None,
           plan: Plan | None = None, verdict: Verdict | None = None, merge: Merge | None = None,
           outcome: Outcome | None = None, failure: Failure | None = None) -> str:
    """The issue's one status comment; give what exists. After a merge `merge` and `outcome` alone are enough."""
    raise NotImplementedError

def pull_request_title(*, request: Request, change: ChangeSet, intent: Intent | None = None) -> str:
    """One plain line, at most 120 characters."""
    raise NotImplementedError

def pull_request_body(context: Context, *, request: Request, change: ChangeSet, intent: Intent | None = None) -> str:
    """What was asked, how it was understood, scope, risk, rollback; ends with "Closes #N"."""
    raise NotImplementedError

def commit_message(*, request: Request, change: ChangeSet) -> str:
    """Subject and body for the agent's commit: no mention, closing keyword, trailer or skip-ci that a person wrote."""
    raise NotImplementedError

def checks_section(context: Context, findings: Findings, *, commit: str) -> str: raise NotImplementedError
def plan_section(context: Context, plan: Plan, *, commit: str) -> str: raise NotImplementedError
def verdict_section(context: Context, verdict: Verdict, *, commit: str, findings: Findings | None = None,
                    plan: Plan | None = None) -> str: raise NotImplementedError
def applied_section(context: Context, outcome: Outcome, *, merge: Merge | None = None) -> str: raise NotImplementedError
def failure(context: Context, problem: Failure) -> str: raise NotImplementedError
def refusal(context: Context, *, reasons: tuple[str, ...]) -> str: raise NotImplementedError
def help_text(context: Context) -> str: raise NotImplementedError

# agent/render/outputs.py:
#   step_summary(context, *, <same documents as status>) -> str                    for $GITHUB_STEP_SUMMARY
#   class CheckOutput(Value): conclusion, title, summary, text, findings (those with a path, for annotations)
#   gate_output(context, findings) checks_output(context, findings) plan_output(context, plan) apply_output(context, outcome)
