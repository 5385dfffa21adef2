"""The roles of a checkout -> the text that `infra-agent roles` prints."""

from pathlib import Path
from typing import Any, Literal

from agent.desk.output import as_json
from agent.errors import UserError
from agent.models.providers import Providers
from agent.models.roles import Role, load_roles
from agent.models.tools import TOOLS
from agent.settings import SETTINGS_PATH, load_settings


def roles_text(name: str, style: Literal["text", "json"], *, root: Path, providers: Providers) -> str:
    """All roles, or all of the one called `name`; a model that no key or address is given for is marked.

    Raises UserError for a role that is not there, a role file that is not sound, or wrong settings.
    """
    chosen = load_settings(root).models.roles if (root / SETTINGS_PATH).is_file() else {}
    roles = load_roles(root, tools=frozenset(TOOLS), chosen=chosen)
    if name and name not in roles:
        raise UserError(f"{name}: no such role; there are {', '.join(roles)}")
    if style == "json":
        shown = [_fields(role, providers) for role in roles.values() if not name or role.name == name]
        return as_json(shown[0] if name else {"roles": shown})
    if name:
        return _page(roles[name], providers)
    lines = []
    for role in roles.values():
        lines += [f"{role.name}: {role.does}", f"  models  {_models(role, providers)}"]
        lines += [f"  tools   {', '.join(role.tools) or 'none'}", ""]
    there = ", ".join(sorted(providers.access)) or "none: blueprints do the work, and no second opinion is had"
    return "\n".join([*lines, f"{len(roles)} roles; providers configured here: {there}"]) + "\n"


def _page(role: Role, providers: Providers) -> str:
    limits = ", ".join(f"{key} {value:g}" for key, value in role.limits.model_dump().items())
    return (
        f"{role.name}: {role.does}\n\nfile     {role.path}, version {role.version}\n"
        f"models   {_models(role, providers)}\ntools    {', '.join(role.tools) or 'none'}\n"
        f"answers  {role.output}\nlimits   {limits}\n\n{role.prompt}\n"
    )


def _models(role: Role, providers: Providers) -> str:
    return ", then ".join(one if providers.can(one) else f"{one} (not configured)" for one in role.models)


def _fields(role: Role, providers: Providers) -> dict[str, Any]:
    models = [{"model": one, "configured": providers.can(one)} for one in role.models]
    return {**role.model_dump(mode="json"), "models": models}
