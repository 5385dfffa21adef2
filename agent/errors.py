"""All errors a person may meet, each with its exit code. Imports nothing of ours."""


class AgentError(Exception):
    """Base of the errors that are shown as text, never as a traceback."""

    exit_code = 2


class UserError(AgentError):
    """The person who asked can mend it. Shown to that person as it is: the thing, the reason, the next step."""

    exit_code = 2


class Denied(AgentError):
    """The actor may not do this, or it could not be established that the actor may."""

    exit_code = 3


class ToolError(AgentError):
    """An outside tool failed, hung or gave an answer that cannot be read. `log` is the end of what it printed."""

    exit_code = 4

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log
