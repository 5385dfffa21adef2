"""Small pieces of code that the tests of the checks share."""

from pathlib import Path

UNIT = "infra/terraform/dev/logs"
HERE = Path(__file__).resolve().parents[2]

BARE_BUCKET = 'resource "aws_s3_bucket" "this" {\n  bucket = "logs"\n}\n'
PLAIN = 'resource "terraform_data" "this" {\n  input = "x"\n}\n'
