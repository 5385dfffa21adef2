"""A job's environment in, the token it works with and the name it writes under out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.errors import UserError
from agent.github import app
from agent.github.client import PATIENCE
from agent.github.connect import ACTIONS_APP_ID, ACTIONS_BOT, Connection, connect

API = "https://api.github.com"


@dataclass(frozen=True)
class Access:
    """`token` is empty when the job has none. `minted` says that it is the App's and ends with the job.

    `bot` and `app_id` are those under which the agent writes, in this job or in another: with an App configured, its
    own also where a job that only reads has the workflow's token. `seals` is false where it writes under another name.
    """

    token: str = field(repr=False)
    api_url: str
    repository: str
    bot: str = ACTIONS_BOT
    app_id: int = ACTIONS_APP_ID
    minted: bool = False
    seals: bool = True

    def connect(self, *, patience: float = PATIENCE) -> Connection:
        """Raises UserError when the job has no token."""
        if not self.token:
            raise UserError(
                "GITHUB_TOKEN is not set; a job that reads GitHub needs `GITHUB_TOKEN: ${{ github.token }}`"
            )
        return connect(
            token=self.token,
            api_url=self.api_url,
            repository=self.repository,
            bot=self.bot,
            app_id=self.app_id,
            seals=self.seals,
            patience=patience,
        )


def access(environ: Mapping[str, str], *, job: str) -> Access:
    """With `INFRA_AGENT_APP_ID` the agent is that App: jobs that write get a token of it, all others know it by name.

    Without, the workflow's own token is all there is; so it is on a person's pull request.
    Raises UserError for an App that is only half configured: two
    jobs that write under different names would not find each other's comments and seals.
    """
    api_url = environ.get("GITHUB_API_URL") or API
    repository, token = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_TOKEN", "")
    if not (app_id := environ.get("INFRA_AGENT_APP_ID", "")):
        return Access(token, api_url, repository)
    who = app.identity(app_id, environ.get("INFRA_AGENT_APP_SLUG", ""))
    if job not in app.GRANTS:
        return Access(token, api_url, repository, who.bot, who.app_id)
    key = environ.get("INFRA_AGENT_APP_KEY", "")
    if not key and environ.get("GITHUB_EVENT_NAME") == "pull_request":
        # The workflow file of such a run comes with the pull request, so the key is never there, nor may it be.
        return Access(token, api_url, repository, seals=False)
    if not key:
        raise UserError(
            f"INFRA_AGENT_APP_ID is set, but the job {job} has no INFRA_AGENT_APP_KEY; give the job the environment"
            " that holds the secret, or take the variable away to write as github-actions[bot]"
        )
    made = app.app_token(app=who, key=key, api_url=api_url, repository=repository, job=job)
    return Access(made, api_url, repository, who.bot, who.app_id, minted=True)
