"""Request -> Report: the command was read; the person who gave it sees that at once."""

from agent.documents import Documents
from agent.domain import Report, Request
from agent.github.connect import Connection
from agent.jobs.parts.telling import received


def run(documents: Documents, *, connection: Connection) -> Report:
    """React to the command that this run works on. Intake has asked for the permission of its author."""
    request = documents.need(Request)
    if request.route:
        received(connection, request)
    return Report(status="received" if request.route else "nothing to say")
