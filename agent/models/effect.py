"""Providers, settings and the documents of earlier jobs -> the effect `models` of a job."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from agent.documents import Documents
from agent.domain import ChangeSet, Intent, ModelCall, Review
from agent.errors import UserError
from agent.guardrails import Budgets
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import Providers
from agent.models.spend import SPEND_FILE, note, spent_on
from agent.settings import Ceiling, ModelsSettings

TRANSCRIPTS = "INFRA_AGENT_TRANSCRIPTS"


def models(
    providers: Providers,
    *,
    environ: Mapping[str, str],
    settings: ModelsSettings,
    documents: Documents,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    budgets: Budgets,
) -> Models:
    """A day's ceiling is the lower one of the settings' and of the guardrails' `budgets`. `say` hears what may be taken
    before each call, and what was taken after it.

    Raises UserError when INFRA_AGENT_SPEND_FILE cannot be read, or INFRA_AGENT_TRANSCRIPTS names no folder.
    """
    spend = Path(environ[SPEND_FILE]) if environ.get(SPEND_FILE) else None
    budget = Budget(
        request=settings.request,
        day=lower(settings.day, budgets),
        before=earlier(documents),
        today=spent_on(spend, clock()) if spend else (),
    )
    folder = environ.get(TRANSCRIPTS)
    return Models(
        providers,
        budget,
        tell=say,
        note=note(spend, clock) if spend else lambda call: None,
        transcript=transcripts(Path(folder)) if folder else None,
    )


def lower(day: Ceiling, budgets: Budgets) -> Ceiling:
    """The lower ceiling of each kind; None where neither names one."""
    tokens = [most for most in (day.tokens, budgets.tokens_per_day) if most is not None]
    usd = [float(most) for most in (day.usd, budgets.usd_per_day) if most is not None]
    return day.model_copy(update={"tokens": min(tokens, default=None), "usd": min(usd, default=None)})


def earlier(documents: Documents) -> tuple[ModelCall, ...]:
    """The calls that earlier jobs of this run made: each is in the document of the job that made it."""
    found = (documents.get(Intent), documents.get(ChangeSet), documents.get(Review))
    return tuple(call for document in found if document is not None for call in document.calls)


def transcripts(folder: Path) -> Callable[[str, str], None]:
    """What writes each transcript (text that is redacted already) to a file of its own: `01-strategist.json`.

    Raises UserError for a folder that is not there: whoever asks for transcripts says where they go.
    """
    if not folder.is_dir():
        raise UserError(f"{TRANSCRIPTS}: {folder.name} is no folder; make it, or take the variable away")

    def write(role: str, text: str) -> None:
        number = len(list(folder.glob("*.json"))) + 1
        path = folder / f"{number:02}-{role}.json"
        try:
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{TRANSCRIPTS}: {path.name} cannot be written: {error.strerror}") from error

    return write
