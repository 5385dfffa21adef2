"""Providers -> whether each answers and takes its key: one request a provider that costs nothing."""

import asyncio

import httpx2

from agent.domain import Value
from agent.models.providers import CONNECT_SECONDS, Access, Providers
from agent.models.wire import TooLong, client_of

SECONDS = 10.0
MOST_BYTES = 4 * 1024 * 1024
# The version of Anthropic's API that its documentation names for the list of models.
ANTHROPIC_VERSION = "2023-06-01"


class Reached(Value):
    """What a provider answered. `ok` is None where nobody could tell; `detail` never holds the key."""

    provider: str
    ok: bool | None
    detail: str


def reachable(providers: Providers, *, seconds: float = SECONDS) -> tuple[Reached, ...]:
    """Ask each provider for its list of models, all at once, within `seconds` altogether."""
    return tuple(asyncio.run(_all(providers, seconds)))


async def _all(providers: Providers, seconds: float) -> list[Reached]:
    asked = (_one(name, access, seconds) for name, access in sorted(providers.access.items()))
    return list(await asyncio.gather(*asked))


async def _one(name: str, access: Access, seconds: float) -> Reached:
    host = httpx2.URL(access.base_url).host
    key = access.key.get_secret_value()
    anthropic = name == "anthropic"
    headers = {"anthropic-version": ANTHROPIC_VERSION, "x-api-key": key} if anthropic else {}
    if key and not anthropic:
        headers = {"authorization": f"Bearer {key}"}
    url = f"{access.base_url.rstrip('/')}{'/v1' if anthropic else ''}/models"
    try:
        async with client_of(access.base_url, most=MOST_BYTES, connect=CONNECT_SECONDS) as client:
            status = (await asyncio.wait_for(client.get(url, headers=headers), seconds)).status_code
    except TimeoutError:
        return Reached(provider=name, ok=False, detail=f"{host} gave no answer within {seconds:g} s")
    except TooLong:
        return Reached(provider=name, ok=None, detail=f"{host} sent more than a list of models")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return Reached(provider=name, ok=False, detail=f"{host} cannot be reached ({type(error).__name__})")
    return Reached(provider=name, ok=_ok(status), detail=f"{host} {_said(status)}")


def _ok(status: int) -> bool | None:
    if status == 200:
        return True
    return False if status in (401, 403) else None


def _said(status: int) -> str:
    if status == 200:
        return "answers and takes the key"
    if status in (401, 403):
        return f"answers {status}: it does not take the key; make a new one and put it in the secret"
    return f"answers {status} to the list of models: it is there, whether it takes the key is not known"
