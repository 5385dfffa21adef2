"""A project folder and this machine's tools in, a small world out: GitHub, a runner and AWS, all on loopback."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.errors import ToolError, UserError
from agent.sandbox import cloud
from agent.sandbox.cloud import Cloud
from agent.sandbox.forge import Event, Forge, Server, serve
from agent.sandbox.pages import pages
from agent.sandbox.runner import Runner
from agent.settings import Settings, load_settings
from agent.targets.terraform import find_binary
from agent.tools import Tools, allowed

REPOSITORY = "acme/infra"
REQUESTER, MAINTAINER = "casey", "morgan"
PARTS = (
    ".github",
    ":!.github/workflows/ci.yml",
    "agent",
    "bin",
    "infra",
    "knowledge",
    "policies",
    "requirements",
    "pyproject.toml",
    "README.md",
)
# What a machine gives every job that runs on it; certificates are for the package client alone.
MACHINE = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "PIP_FIND_LINKS",
    "UV_DEFAULT_INDEX",
    "UV_CACHE_DIR",
    "HTTPS_PROXY",
    "NO_PROXY",
)


@dataclass(frozen=True)
class World:
    """A running sandbox. `tokens` are the personal tokens of its people by login."""

    folder: Path
    forge: Forge
    runner: Runner
    server: Server
    cloud: Cloud
    settings: Settings
    tokens: Mapping[str, str]

    @property
    def url(self) -> str:
        """Address of the sandbox's repository, as a person opens it."""
        return f"{self.server.url}/{REPOSITORY}"

    def stop(self) -> None:
        """End everything that was started, jobs first. Bounded; the folder stays."""
        self.runner.stop()
        self.server.stop()
        self.cloud.stop()


def start(folder: Path, *, project: Path, environ: Mapping[str, str], mirror: str, aws: Cloud | None = None) -> World:
    """Start a world whose state is in `folder`; an empty folder is filled with a new repository from `project`.

    `mirror` is a Terraform provider mirror, or empty. `aws` is a local AWS that runs already. Raises UserError or
    ToolError; whatever was started by then is stopped again.
    """
    settings = load_settings(project)
    new = not (folder / "forge.db").exists()
    running_cloud = aws or cloud.start(
        buckets=sorted({environment.state.bucket for environment in settings.environments.values()}),
        region=next(iter(settings.environments.values())).region,
        environ=environ,
    )
    try:
        forge = Forge(folder)
        tokens = {login: forge.create_user(login) for login in (REQUESTER, MAINTAINER)}
        if new:
            owner, name = REPOSITORY.split("/")
            forge.create_repository(owner, name, seed=seed(project))
            forge.set_permission(REPOSITORY, REQUESTER, "write")
            forge.set_permission(REPOSITORY, MAINTAINER, "maintain")
        for variable, value in {
            "AWS_ENDPOINT_URL": running_cloud.url,
            "AWS_REGION": running_cloud.region,
            "INFRA_AGENT_PLAN_ROLE": "arn:aws:iam::123456789012:role/infra-agent-plan",
            "INFRA_AGENT_APPLY_ROLE": "arn:aws:iam::123456789012:role/infra-agent-apply",
            **({"INFRA_AGENT_PROVIDER_MIRROR": mirror} if mirror else {}),
        }.items():
            forge.set_variable(REPOSITORY, variable, value)
        runner = Runner(
            forge,
            folder / "runner",
            tools=programs(environ, settings),
            machine=machine(project, environ, settings),
            max_parallel=2,
        )
        forge.on_event = _hand_to(runner)
        forge.app.register_blueprint(runner.blueprint)
        forge.app.register_blueprint(pages(forge, runner))
        server = _serve(forge, folder / "port")
        forge.resume()
    except BaseException:
        if aws is None:
            running_cloud.stop()
        raise
    return World(folder, forge, runner, server, running_cloud, settings, tokens)


def _serve(forge: Forge, kept: Path) -> Server:
    """On the port that this folder had before, when it is free: comments hold links to it."""
    port = int(kept.read_text()) if kept.is_file() else 0
    try:
        server = serve(forge, port=port)
    except (OSError, SystemExit):
        server = serve(forge)
    kept.write_text(server.url.rsplit(":", 1)[1])
    return server


def _hand_to(runner: Runner) -> Callable[[Event], None]:
    def hand_over(event: Event) -> None:
        runner.handle(event)

    return hand_over


def programs(environ: Mapping[str, str], settings: Settings) -> dict[str, Path]:
    """What the set-up actions of a workflow may hand out on this machine."""
    tools = Tools(environment=allowed(environ))
    found = {}
    terraform = find_binary(tools, settings)
    if terraform is not None:
        found["tofu" if "tofu" in terraform.name else "terraform"] = terraform
    if uv := tools.which("uv"):
        found["uv"] = Path(uv)
    return found


def machine(project: Path, environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The environment that the runner's machine gives every job: nothing of it is a credential, and nothing of it has a
    job download a program.
    """
    terraform = find_binary(Tools(environment=allowed(environ)), settings)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **allowed(environ, names=MACHINE),
        "INFRA_AGENT_ENVS": environ.get("INFRA_AGENT_ENVS") or str(project / ".venvs"),
        "INFRA_AGENT_PYTHON": str(Path(sys.base_prefix, "bin", version)),
        "INFRA_AGENT_TERRAFORM": str(terraform or "none"),
    }


def seed(project: Path) -> dict[str, bytes | tuple[int, bytes]]:
    """The files of the project as they are in its working tree: what git tracks or would track."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS],
            cwd=project, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"{project}: not a git checkout of infra-agent; clone it and run the demo there") from error
    files: dict[str, bytes | tuple[int, bytes]] = {}
    for name in listed.stdout.decode().split("\0"):
        path = project / name
        if name and path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            files[name] = (0o100755, data) if path.stat().st_mode & 0o100 else data
    if ".github/workflows/agent.yml" not in files:
        raise ToolError(f"{project}: has no .github/workflows/agent.yml")
    return files
