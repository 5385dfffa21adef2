"""What the gate's tests share: guardrails, a unit's path, and the rules that fire on a text."""

from collections.abc import Mapping

from agent.domain import File
from agent.gate import examine
from agent.settings import Guardrails, Limits

UNIT = "infra/terraform/dev/app"
MAIN = f"{UNIT}/main.tf"
GUARDRAILS = Guardrails(
    version=1,
    environments=("dev", "prod"),
    providers=("hashicorp/aws",),
    limits=Limits(max_files=1000, max_file_bytes=1_000_000),
)


def files(bundle: Mapping[str, str | None]) -> list[File]:
    return [File(path=path, content=content) for path, content in bundle.items()]


def rules(bundle: Mapping[str, str | None], *, base: Mapping[str, str] | None = None) -> set[str]:
    return {item.rule for item in examine(files(bundle), guardrails=GUARDRAILS, base=base)}


def tf(text: str, **more: str) -> set[str]:
    """The rules that fire on a unit whose `main.tf` is `text`, with more files by their names."""
    return rules({MAIN: text, **{f"{UNIT}/{name.replace('__', '.')}": content for name, content in more.items()}})
