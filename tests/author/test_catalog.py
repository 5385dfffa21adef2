"""A malformed blueprint is refused by file and field."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.author.catalog import BLUEPRINTS, load_blueprint, load_blueprints
from agent.errors import UserError


def test_the_shipped_ones_load() -> None:
    assert list(load_blueprints()) == ["dynamodb-table", "s3-bucket", "web-service"]


def edit(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "blueprint.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def put(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edit("title: S3 bucket\n", ""), "s3-bucket/blueprint.yaml: title: "),
        (edit("title: S3 bucket\n", "title: S3 bucket\ncolour: red\n"), "colour"),
        (edit("target: terraform", "target: cobol"), "target"),
        (edit("title: S3 bucket\n", "title: [\n"), "not YAML"),
        (edit("additionalProperties: false", "additionalProperties: true"), "additionalProperties"),
        (edit("default: sse-s3", "default: none"), "properties.encryption.default 'none'"),
        (edit("      default: sse-s3\n", ""), "properties.encryption needs either a default"),
        (edit("required: [name]", "required: [nome]"), "'nome'"),
        (edit("      type: boolean\n", "      type: bool\n"), "bool"),
        (edit("refuse_when: log_bucket == name", "refuse_when: log_bucket =="), "rules.log_bucket.refuse_when"),
        (edit("stateful_types: [aws_s3_bucket]", "stateful_types: [aws_s3_bukcet]"), "aws_s3_bukcet"),
        (edit("kind: aws", "kind: ftp"), "probes.0.kind"),
        (put("templates/main.tf.j2", "{% if %}"), "templates/main.tf.j2:1"),
        (put("templates/terraform.tf.j2", ""), "terraform.tf.j2 is not for a blueprint to write"),
        (put("templates/run.sh.j2", ""), "run.sh.j2 is not for a blueprint to write"),
        (put("examples/demo.yaml", "title: x\n"), "s3-bucket/examples/demo.yaml: environment"),
        (put("blueprint.yaml", "- a\n"), "must be a mapping, got list"),
        (lambda folder: (folder / "blueprint.yaml").unlink(), "not there"),
        (lambda folder: (folder / "templates/outputs.tf.j2").unlink(), "outputs.tf.j2"),
        (lambda folder: shutil.rmtree(folder / "examples"), "at least one is needed"),
    ],
)
def test_a_malformed_one_is_refused(change: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    folder = tmp_path / "s3-bucket"
    shutil.copytree(BLUEPRINTS / "s3-bucket", folder)
    load_blueprint(folder)
    change(folder)
    with pytest.raises(UserError) as raised:
        load_blueprint(folder)
    assert "s3-bucket/" in str(raised.value)
    assert words in str(raised.value)
