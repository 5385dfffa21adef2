"""Values that the tests of the author share."""

from collections.abc import Iterable, Mapping

from agent.domain import Request
from agent.guardrails import Guardrails
from agent.settings import Environment, Provider, Settings, State, TerraformSettings

_STATE = State(bucket="infra-agent-state", region="eu-central-1")
SETTINGS = Settings(
    version=1,
    environments={name: Environment(region="eu-central-1", state=_STATE) for name in ("dev", "staging", "prod")},
    terraform=TerraformSettings(providers={"aws": Provider(source="hashicorp/aws", version="5.100.0")}),
)
GUARDRAILS = Guardrails(
    version=1,
    environments=("dev", "prod"),
    providers=("hashicorp/aws",),
    stateful_types=("aws_s3_bucket", "aws_dynamodb_table"),
)


def make_request(
    body: str, *, title: str = "", fields: Mapping[str, str] | None = None, answers: Iterable[str] = ()
) -> Request:
    """An accepted request with this text."""
    return Request(
        status="accepted",
        trigger="label",
        repository="acme/infra",
        number=7,
        url="http://127.0.0.1/acme/infra/issues/7",
        title=title,
        body=body,
        fields=dict(fields or {}),
        answers=tuple(answers),
        requester="ada",
        actor="ada",
        sha256="0" * 64,
        base_sha="0" * 40,
        branch="agent/7",
    )
