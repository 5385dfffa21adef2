"""A folder -> its guardrails and settings, or the ones that are packaged where it has none."""

from importlib.resources import files
from pathlib import Path

from agent.guardrails import GUARDRAILS_PATH, Guardrails, load_guardrails
from agent.settings import SETTINGS_PATH, Settings, load_settings, parse


def guardrails_of(root: Path) -> Guardrails:
    """`policies/guardrails.yml` of `root`, else the packaged ones. Raises UserError for a file that is wrong."""
    if (root / GUARDRAILS_PATH).exists():
        return load_guardrails(root)
    return parse(Guardrails, _packaged("guardrails.yml"), "packaged guardrails.yml")


def settings_of(root: Path, *, mirror: str = "") -> Settings:
    """`.github/infra-agent.yml` of `root`, else the packaged one; providers come from the folder `mirror` if given.

    Raises UserError for a file that is wrong.
    """
    if (root / SETTINGS_PATH).exists():
        settings = load_settings(root)
    else:
        settings = parse(Settings, _packaged("infra-agent.yml"), "packaged infra-agent.yml")
    if not mirror:
        return settings
    terraform = settings.terraform.model_copy(update={"provider_mirror": mirror})
    return settings.model_copy(update={"terraform": terraform})


def _packaged(name: str) -> str:
    return files("agent.desk").joinpath("packaged", name).read_text(encoding="utf-8")
