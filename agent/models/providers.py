"""Keys and addresses -> models that can be asked. The only place that knows a provider; no key is ever shown."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from agent.domain import Value
from agent.errors import UserError

if TYPE_CHECKING:  # the libraries take seconds to import, and most jobs ask no model
    import httpx2
    from pydantic_ai.models import Model

KEYS_FILE = "INFRA_AGENT_KEYS_FILE"
MOST_ANSWER_BYTES = 4 * 1024 * 1024
CONNECT_SECONDS = 10.0


class Kind(Value):
    """How one provider is reached. Without `base_url` it has no address of its own and needs one to be given."""

    key: str
    address: str
    base_url: str = ""
    keyless: bool = False


# A further OpenAI-compatible server is `compatible`, whatever it is.
KINDS: dict[str, Kind] = {
    "anthropic": Kind(key="ANTHROPIC_API_KEY", address="ANTHROPIC_BASE_URL", base_url="https://api.anthropic.com"),
    "openai": Kind(key="OPENAI_API_KEY", address="OPENAI_BASE_URL", base_url="https://api.openai.com/v1"),
    "ollama": Kind(key="OLLAMA_API_KEY", address="OLLAMA_BASE_URL", keyless=True),
    "compatible": Kind(key="COMPATIBLE_API_KEY", address="COMPATIBLE_BASE_URL", keyless=True),
}
VARIABLES = tuple(name for kind in KINDS.values() for name in (kind.key, kind.address))


class Access(Value):
    """Where a provider is asked, and with which key; the key is in no text that this value is shown as."""

    base_url: str
    key: SecretStr


class Providers(Value):
    """The providers that may be asked, by name."""

    access: dict[str, Access] = Field(default_factory=dict)

    def can(self, model: str) -> bool:
        """Whether `provider:model` is of a provider that is configured."""
        return model.partition(":")[0] in self.access

    def secrets(self) -> tuple[str, ...]:
        """Every key, for the redactor."""
        return tuple(one.key.get_secret_value() for one in self.access.values() if one.key.get_secret_value())


def configured(environ: Mapping[str, str]) -> Providers:
    """The providers that `environ` names keys or addresses for, and those of the file that INFRA_AGENT_KEYS_FILE names.

    The file is JSON, `{"ANTHROPIC_API_KEY": "…"}`. Raises UserError for an unreadable file or an address that is
    neither https nor on this machine.
    """
    given = {name: value for name in VARIABLES if (value := environ.get(name))}
    if path := environ.get(KEYS_FILE):
        given |= _of_file(Path(path))
    access = {}
    for name, kind in KINDS.items():
        key, base_url = given.get(kind.key, ""), given.get(kind.address, "") or kind.base_url
        if base_url and (key or (kind.keyless and kind.address in given)):
            _check_address(kind.address, base_url)
            access[name] = Access(base_url=base_url, key=SecretStr(key))
    return Providers(access=access)


def _of_file(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{KEYS_FILE}: {path.name} cannot be read as JSON: {type(error).__name__}") from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise UserError(f"{KEYS_FILE}: {path.name} must hold an object of texts")
    unknown = sorted(set(data) - set(VARIABLES))
    if unknown:
        raise UserError(f"{KEYS_FILE}: {unknown[0]} is not known; there are {', '.join(VARIABLES)}")
    return {name: value.strip() for name, value in data.items() if value.strip()}


def _check_address(name: str, address: str) -> None:
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    try:
        odd = parts.port == 0 or parts.username or parts.query or parts.fragment
    except ValueError:  # a port that is no number
        odd = True
    if parts.scheme not in ("http", "https") or not parts.hostname or odd:
        raise UserError(f"{name}: {parts.hostname or 'it'} is no address of a model's server, such as https://host/v1")
    if parts.scheme == "http" and not local:
        raise UserError(f"{name}: {parts.hostname} must be reached by https; only this machine may be asked by http")


def model_of(name: str, providers: Providers) -> "tuple[Model[Any], httpx2.AsyncClient]":
    """The model called `provider:model`, and the client that it is asked with, which the caller closes.

    The client speaks to the provider's host alone, takes no proxy or certificate from the environment, follows no
    redirect, and reads at most MOST_ANSWER_BYTES of an answer. Raises UserError when the provider is not configured.
    """
    provider, _, model = name.partition(":")
    access = providers.access.get(provider)
    if access is None:
        known = ", ".join(KINDS)
        raise UserError(f"{name}: the provider {provider} is not configured; there are {known}, each with its key")
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.ollama import OllamaProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    from agent.models.wire import client_of

    client = client_of(access.base_url, most=MOST_ANSWER_BYTES, connect=CONNECT_SECONDS)
    url, key = access.base_url, access.key.get_secret_value() or "none"
    if provider == "anthropic":
        return AnthropicModel(model, provider=AnthropicProvider(api_key=key, base_url=url, http_client=client)), client
    if provider == "openai":
        served = OpenAIProvider(api_key=key, base_url=url, http_client=client)
        return OpenAIResponsesModel(model, provider=served), client
    if provider == "ollama":
        return OpenAIChatModel(model, provider=OllamaProvider(api_key=key, base_url=url, http_client=client)), client
    return OpenAIChatModel(model, provider=OpenAIProvider(api_key=key, base_url=url, http_client=client)), client
