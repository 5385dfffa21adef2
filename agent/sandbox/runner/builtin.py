"""The name of an action that we ship -> what it does here: inputs and a job's bench in, outputs out."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from agent.sandbox.runner.artifacts import collect, unpack
from agent.sandbox.runner.bench import Bench
from agent.sandbox.runner.checkout import checkout
from agent.sandbox.runner.commands import StepFailed
from agent.sandbox.runner.triggers import matches

Action: TypeAlias = Callable[[Bench, Mapping[str, str]], dict[str, str]]
ARTIFACT_DAYS = 90
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def _hand_out(bench: Bench, tool: str, action: str) -> Path:
    """Put a link to the machine's `tool` on PATH. Raises StepFailed when the machine has none."""
    binary = bench.tools.get(tool)
    if binary is None or not binary.is_file():
        raise StepFailed(f"{action}: this machine has no {tool}; install it, or name its place in the sandbox's tools")
    folder = bench.folder / "tools" / tool
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / tool
    if not link.is_symlink():
        link.symlink_to(binary.resolve())
    bench.path.insert(0, str(folder))
    return link


def _version(bench: Bench, argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, env=bench.environment(), check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailed(f"{argv[0]}: cannot be started: {error}") from error
    match = _VERSION.search(done.stdout + done.stderr)
    return match[0] if match else ""


def setup_uv(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    link = _hand_out(bench, "uv", "astral-sh/setup-uv")
    return {"uv-path": str(link), "uv-version": _version(bench, [str(link), "--version"]), "cache-hit": "false"}


def _setup_terraform(bench: Bench, inputs: Mapping[str, str], *, tool: str, action: str, prefix: str) -> dict[str, str]:
    if inputs[f"{prefix}_wrapper"] != "false":
        raise StepFailed(f"{action}: the sandbox has no wrapper; set {prefix}_wrapper: false")
    link = _hand_out(bench, tool, action)
    wanted = inputs[f"{prefix}_version"]
    if _VERSION.fullmatch(wanted):
        found = _version(bench, [str(link), "version"])
        if found != wanted:
            bench.note("warning", f"{action}: {wanted} is asked for, this machine has {found}")
    return {}


def setup_terraform(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    return _setup_terraform(bench, inputs, tool="terraform", action="hashicorp/setup-terraform", prefix="terraform")


def setup_opentofu(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    return _setup_terraform(bench, inputs, tool="tofu", action="opentofu/setup-opentofu", prefix="tofu")


def setup_python(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    path = bench.environment()["PATH"]
    binary = bench.tools.get("python") or shutil.which("python3", path=path)
    if binary is None:
        raise StepFailed("actions/setup-python: this machine has no python3")
    folder = bench.folder / "tools" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        script = folder / name  # a link would make a virtual environment's python lose its packages
        script.write_text(f'#!/bin/sh\nexec "{binary}" "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    bench.path.insert(0, str(folder))
    version = _version(bench, [str(binary), "--version"])
    wanted = inputs.get("python-version", "").strip()
    if wanted and not f"{version}.".startswith(f"{wanted.removesuffix('.x')}."):
        bench.note("warning", f"actions/setup-python: {wanted} is asked for, this machine has {version}")
    return {"python-version": version, "python-path": str(folder / "python"), "cache-hit": ""}


def upload_artifact(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    patterns = [line.strip() for line in inputs["path"].splitlines() if line.strip()]
    if not patterns:
        raise StepFailed("actions/upload-artifact: the input 'path' is empty")
    hidden, overwrite = (_flag(inputs, name) for name in ("include-hidden-files", "overwrite"))
    files = collect(patterns, workspace=bench.workspace, hidden=hidden)
    behaviour = inputs["if-no-files-found"]
    if behaviour not in ("warn", "error", "ignore"):
        raise StepFailed(f"actions/upload-artifact: if-no-files-found: {behaviour!r} is none of warn, error, ignore")
    if not files:
        message = f"No files were found with the provided path: {inputs['path']}. No artifacts will be uploaded."
        if behaviour == "error":
            raise StepFailed(message)
        if behaviour == "warn":
            bench.note("warning", message)
        return {}
    if overwrite:
        bench.artifacts.remove(one for one in bench.artifacts.of_run(bench.run_id) if one.name == inputs["name"])
    artifact = bench.artifacts.add(
        files,
        name=inputs["name"],
        repo=bench.repo,
        run_id=bench.run_id,
        job_id=bench.job_id,
        days=_days(inputs.get("retention-days", "")),
        level=int(inputs["compression-level"]),
    )
    bench.log.write(f"Artifact {artifact.name} has been uploaded: {len(files)} files, {artifact.size} bytes")
    return {
        "artifact-id": str(artifact.id),
        "artifact-digest": artifact.digest,
        "artifact-url": f"{bench.url}/{bench.repo}/actions/runs/{bench.run_id}/artifacts/{artifact.id}",
    }


def _days(text: str) -> int:
    days = int(text) if text.strip().isdigit() else 0
    return min(days or ARTIFACT_DAYS, ARTIFACT_DAYS)


def _flag(inputs: Mapping[str, str], name: str) -> bool:
    text = inputs[name].lower()
    if text not in ("true", "false"):
        raise StepFailed(f"the input {name!r} must be true or false, got {inputs[name]!r}")
    return text == "true"


def download_artifact(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    name, ids, pattern = (inputs.get(key, "").strip() for key in ("name", "artifact-ids", "pattern"))
    if name and ids:
        raise StepFailed("actions/download-artifact: 'name' and 'artifact-ids' cannot stand together")
    target = bench.workspace / inputs.get("path", "")
    found = bench.artifacts.of_run(bench.run_id)
    if name:
        found = [one for one in found if one.name == name]
        if not found:
            raise StepFailed(f"Unable to download artifact(s): Artifact not found for name: {name}")
    elif ids:
        wanted = {int(part) for part in re.split(r"[,\s]+", ids) if part.isdigit()}
        found = [one for one in found if one.id in wanted]
        if len(found) != len(wanted) or not wanted:
            raise StepFailed(f"Unable to download artifact(s): not all of {ids} are artifacts of this run")
    elif pattern:
        found = [one for one in found if matches([pattern], one.name)]
    flat = bool(name) or _flag(inputs, "merge-multiple") or bool(ids and len(found) == 1)
    for one in found:
        count = unpack(one, target if flat else target / one.name)
        bench.log.write(f"Artifact {one.name} ({one.digest[:12]}): {count} files")
    if not found:
        bench.log.write("No artifacts matched; nothing to download")
    target.mkdir(parents=True, exist_ok=True)
    return {"download-path": str(target)}


def configure_aws(bench: Bench, inputs: Mapping[str, str]) -> dict[str, str]:
    region, role = (inputs.get(key, "").strip() for key in ("aws-region", "role-to-assume"))
    if not region:
        raise StepFailed("aws-actions/configure-aws-credentials: the input 'aws-region' is empty")
    if not role:
        raise StepFailed("aws-actions/configure-aws-credentials: the input 'role-to-assume' is empty")
    if bench.permissions.get("id-token") != "write":
        raise StepFailed(
            "aws-actions/configure-aws-credentials: Credentials could not be loaded: the job has no permission "
            "id-token: write"
        )
    key, secret, session = "ASIASANDBOX000000000", f"sandbox-secret-{bench.job_id}", f"sandbox-session-{bench.job_id}"
    for value in (secret, session):
        bench.log.mask(value)
    bench.variables |= {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": session,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    bench.log.write(f"Assumed the role {role} in {region}")
    outputs = {"aws-account-id": role.split(":")[4] if role.count(":") >= 5 else ""}
    if inputs.get("output-credentials", "").lower() == "true":
        outputs |= {"aws-access-key-id": key, "aws-secret-access-key": secret, "aws-session-token": session}
    return outputs


BUILTIN: dict[str, Action] = {
    "actions/checkout": checkout,
    "actions/download-artifact": download_artifact,
    "actions/setup-python": setup_python,
    "actions/upload-artifact": upload_artifact,
    "astral-sh/setup-uv": setup_uv,
    "aws-actions/configure-aws-credentials": configure_aws,
    "hashicorp/setup-terraform": setup_terraform,
    "opentofu/setup-opentofu": setup_opentofu,
}
