"""Custom policies of the default branch -> a checkov that gets ready with them in its own environment.

Loads little itself, so that checkov's start, the longest of all, can be the first thing that a job does.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field
from ruamel.yaml import YAML

from agent.checks.worker import Worker
from agent.domain import Value
from agent.errors import ToolError, UserError
from agent.settings import Shape, parse
from agent.tools import Tools

NAME = "checkov"
POLICIES = "policies/checkov"
WORKER = Path(__file__).with_name("checkov_worker.py")
ENVIRONMENT = {
    "CHECKOV_CHECK_FAIL_LEVEL": "ERROR",
    "CHECKOV_PARALLELIZATION_TYPE": "none",
    "CKV_IGNORED_DIRECTORIES": "",
    "CKV_IGNORE_HIDDEN_DIRECTORIES": "False",
    "GIT_PYTHON_REFRESH": "quiet",
    "LOG_LEVEL": "CRITICAL",
}


RuleId = Annotated[str, Shape(r"CKV2?_[A-Z]+_\d+", "an id such as CKV2_ORG_1")]
Framework = Literal["ansible", "kubernetes", "terraform"]
# How each framework's resources are called: a policy for another's would never fire.
TYPES: Mapping[Framework, Shape] = {
    "ansible": Shape(
        r"tasks\.[a-z][a-z0-9_.]*|block", "a task's module, such as tasks.ansible.builtin.get_url, or block"
    ),
    "kubernetes": Shape(r"[A-Z][A-Za-z0-9]*", "a kind, such as Pod"),
    "terraform": Shape(r"[a-z][a-z0-9_]*", "a resource type, such as aws_s3_bucket"),
}


class Metadata(Value):
    """`metadata` of a policy, as far as we read it."""

    model_config = ConfigDict(extra="ignore")
    id: RuleId
    frameworks: Annotated[tuple[Framework, ...], Field(min_length=1)] = ("terraform",)


class _File(Value):
    model_config = ConfigDict(extra="ignore")
    metadata: Metadata


class Policy(NamedTuple):
    """A custom policy and what it is for: Terraform code and plans, unless its `metadata.frameworks` say otherwise."""

    path: Path
    frameworks: tuple[Framework, ...]


@contextmanager
def worker(tools: Tools, *, python: str, root: Path, frameworks: Sequence[str] = ("terraform",)) -> Iterator[Worker]:
    """Start checkov with the custom policies of `root/policies/checkov`; it gets ready while other work is done.

    `python` is the interpreter of checkov's environment. One worker holds one policy set: checkov keeps custom
    policies for its whole life. It gets ready for `frameworks`, and for others when it is first asked about them.
    Raises ToolError when it cannot start, UserError for a policy that is wrong, at its line.
    """
    policies = find_policies(root)
    with tempfile.TemporaryDirectory(prefix="infra-agent-checkov-") as name:
        folder = Path(name)
        for policy in policies.values():
            for framework in policy.frameworks:
                target = folder / "policies" / framework
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(policy.path, target / policy.path.name)
        started = Worker(
            tools,
            [
                *(python, "-I", str(WORKER), "--policies", str(folder / "policies")),
                *(argument for framework in frameworks for argument in ("--framework", framework)),
            ],
            name=NAME,
            cwd=folder,
            env={**ENVIRONMENT, "HOME": name},
            greet=lambda greeting: require_policies(greeting.get("policies"), policies, frameworks),
        )
        try:
            yield started
        finally:
            started.close()


def find_policies(root: Path) -> dict[str, Policy]:
    """Rule id -> each custom policy below `root`. Raises UserError for one that cannot be read, has no id, or is for
    what checkov cannot be given policies for.
    """
    policies: dict[str, Policy] = {}
    for path in sorted((root / POLICIES).glob("*.y*ml")):
        named = f"{POLICIES}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{named}: not UTF-8") from error
        metadata = parse(_File, text, named).metadata
        if metadata.id in policies:
            raise UserError(f"{named}: metadata.id {metadata.id} is also the id of {policies[metadata.id].path.name}")
        for name, line in _resource_types(YAML(typ="rt").load(text)):
            if name != "all" and not any(TYPES[one].fits(name) for one in metadata.frameworks):
                wanted = ", or ".join(TYPES[one].words for one in metadata.frameworks)
                what = f"metadata.frameworks says that it is for {', '.join(metadata.frameworks)}"
                raise UserError(f"{named}:{line}: resource_types: must be {wanted}, got {name!r:.80}; {what}")
        policies[metadata.id] = Policy(path, metadata.frameworks)
    return policies


def require_policies(loaded: Any, policies: Mapping[str, Policy], frameworks: Sequence[str]) -> None:
    """Raises ToolError when checkov, ready for `frameworks`, has not `loaded` each of their policies."""
    asked = {"terraform" if framework == "terraform_plan" else framework for framework in frameworks}
    wanted = {rule for rule, policy in policies.items() if asked.intersection(policy.frameworks)}
    refused = sorted(wanted - set(loaded if isinstance(loaded, list | tuple) else ()))
    if refused:
        raise ToolError(f"it did not accept {', '.join(f'{POLICIES}/{policies[rule].path.name}' for rule in refused)}")


def _resource_types(data: Any) -> Iterator[tuple[str, int]]:
    """Every resource type that a policy names, with its line."""
    pending = [data]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            named = part.get("resource_types")
            lines = getattr(named, "lc", None)
            if isinstance(named, list) and lines is not None:
                yield from ((str(name), lines.item(at)[0] + 1) for at, name in enumerate(named))
            pending += part.values()
        elif isinstance(part, list):
            pending += part
