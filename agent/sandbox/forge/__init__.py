"""An embedded GitHub on one laptop: REST, git over HTTP and events, on SQLite and real bare repositories."""

from agent.sandbox.forge.events import Event
from agent.sandbox.forge.forge import ApiCall, Forge
from agent.sandbox.forge.server import Server, serve

__all__ = ["ApiCall", "Event", "Forge", "Server", "serve"]
