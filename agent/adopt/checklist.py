"""A repository and its logins -> the settings that only a person can make, each ready to paste. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agent.adopt.roles import GITHUB, Account, Login, permissions, trust

CHECKS = ("agent/gate", "agent/checks", "agent/plan")
ACTIONS_APP = 15368  # GitHub Actions itself, which posts the check runs when no App is configured
# What people read about each label, and its colour; the request's own label is named in the settings.
LABELS: Mapping[str, tuple[str, str]] = {
    "agent:working": ("fbca04", "infra-agent is on it"),
    "agent:needs-info": ("d876e3", "infra-agent waits for an answer"),
    "agent:needs-human": ("e99695", "a person finishes what a model could not"),
    "agent:ready": ("0e8a16", "checked and planned; a person may merge"),
    "agent:applied": ("1d76db", "applied and healthy"),
    "agent:failed": ("b60205", "the status comment says what to do"),
}
_WORD = re.compile(r'"[^"]*"(,|$)')
REQUEST_LABEL = ("5319e7", "a request for infra-agent; it takes the label off when it starts")


def labels(request_label: str) -> dict[str, tuple[str, str]]:
    """Name -> colour and description of every label that the pipeline uses."""
    return {request_label: REQUEST_LABEL, **LABELS}


def ruleset(app: int | None = ACTIONS_APP) -> dict[str, Any]:
    """The rules of the default branch, as `POST /repos/{owner}/{repo}/rulesets` takes them. Nobody bypasses them. The
    checks have to be posted by `app`; None: by any.
    """
    review = {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": True,
        "require_last_push_approval": True,
        "required_review_thread_resolution": False,
    }
    posted_by = {} if app is None else {"integration_id": app}
    checks = [{"context": check, **posted_by} for check in CHECKS]
    return {
        "name": "infra-agent",
        "target": "branch",
        "enforcement": "active",
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {"type": "pull_request", "parameters": review},
            {
                "type": "required_status_checks",
                "parameters": {"strict_required_status_checks_policy": False, "required_status_checks": checks},
            },
        ],
    }


def checklist(
    account: Account,
    places: Sequence[Login],
    *,
    region: str,
    request_label: str,
    environments: Sequence[str],
    app: int | None = ACTIONS_APP,
) -> str:
    """Markdown: every setting with the command or the document that makes it. `region` is that of the state bucket,
    `app` the id of the App that posts the checks; None when it is one of the repository's own whose id is not known.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown for a terminal, from our own values
    )
    return environment.get_template("checklist.md.j2").render(
        account=account,
        on_github=account.server == GITHUB,
        region=region,
        environments=environments,
        labels=labels(request_label),
        ruleset=_json(ruleset(app)),
        app=app,
        own_app=app != ACTIONS_APP,
        plan_trust=_json(trust(account, places, "plan")),
        plan_permissions=_json(permissions(account, "plan")),
        apply_trust=_json(trust(account, places, "apply")),
        apply_permissions=_json(permissions(account, "apply")),
    )


def _json(document: Mapping[str, Any]) -> str:
    """Indented, with lists of words on as few lines as they need: the policies stay readable."""
    text = json.dumps(document, indent=2)
    return "\n".join(_packed(text.splitlines()))


def _packed(lines: list[str]) -> list[str]:
    made: list[str] = []
    for line in lines:
        word, before = line.strip(), made[-1] if made else ""
        if _WORD.fullmatch(word) and _WORD.match(before.strip()) and len(before) + len(word) < 118:
            made[-1] = f"{before} {word}"
        else:
            made.append(line)
    return made
