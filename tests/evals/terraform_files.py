"""Texts of the Terraform units that the recorded answers hold."""

from tests.evals.form import STANDING, asking, output, unit

DEV = "infra/terraform/dev"


def bucket(name: str, label: str) -> str:
    """A private, versioned, encrypted bucket."""
    return f"""resource "aws_s3_bucket" "{label}" {{
  bucket = "{name}"
}}

resource "aws_s3_bucket_versioning" "{label}" {{
  bucket = aws_s3_bucket.{label}.id

  versioning_configuration {{
    status = "Enabled"
  }}
}}

resource "aws_s3_bucket_server_side_encryption_configuration" "{label}" {{
  bucket = aws_s3_bucket.{label}.id

  rule {{
    apply_server_side_encryption_by_default {{
      sse_algorithm = "aws:kms"
    }}
  }}
}}

resource "aws_s3_bucket_public_access_block" "{label}" {{
  bucket                  = aws_s3_bucket.{label}.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}}
"""


def bucket_unit(folder: str, main: str, label: str) -> dict[str, str]:
    outputs = output("bucket", "Name of the bucket.", f"aws_s3_bucket.{label}.bucket")
    return unit(folder, "A private bucket. Output: `bucket`.", main=main, outputs=outputs)


def group_unit(folder: str, main: str) -> dict[str, str]:
    outputs = output("group", "Id of the security group.", "aws_security_group.jump.id")
    return unit(folder, "A security group. Output: `group`.", main=main, outputs=outputs)


def text_of(path: str) -> str:
    """The file as it stands."""
    return (STANDING / path).read_text(encoding="utf-8")


def log_group(name: str, days: int, label: str, more: str = "") -> str:
    return (
        f'resource "aws_cloudwatch_log_group" "{label}" {{\n  name              = "{name}"\n'
        f"  retention_in_days = {days}\n{more}}}\n"
    )


def logs_of(folder: str, main: str, label: str) -> dict[str, str]:
    outputs = output("log_group", "Name of the log group.", f"aws_cloudwatch_log_group.{label}.name")
    return unit(folder, "A log group. Output: `log_group`.", main=main, outputs=outputs)


OLD_VERSIONS = """
resource "aws_s3_bucket_lifecycle_configuration" "reports" {
  bucket = aws_s3_bucket.reports.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }
}
"""
DATABASE = asking("Which kind of database?", "a DynamoDB table", field="engine")
REPORTS = bucket_unit(f"{DEV}/reports", bucket("acme-dev-reports", "reports") + OLD_VERSIONS, "reports")
SESSIONS = unit(
    f"{DEV}/sessions",
    "The table of the sessions. Output: `table`.",
    main="""resource "aws_dynamodb_table" "sessions" {
  name         = "dev-sessions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "session"

  attribute {
    name = "session"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}
""",
    outputs=output("table", "Name of the table.", "aws_dynamodb_table.sessions.name"),
)
IMPORT = f"{DEV}/import"
LOG_GROUP = log_group("/dev/import", 30, "import")
LOG_FILES = logs_of(IMPORT, LOG_GROUP, "import")
KEY = unit(
    f"{DEV}/invoices-key",
    "The key of the invoices. Output: `key`.",
    main="""resource "aws_kms_key" "invoices" {
  description             = "Invoices of dev."
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "invoices" {
  name          = "alias/dev-invoices"
  target_key_id = aws_kms_key.invoices.key_id
}
""",
    outputs=output("key", "ARN of the key.", "aws_kms_key.invoices.arn"),
)
ROLE = unit(
    f"{DEV}/letters-reader",
    "The role of the import hosts. Output: `profile`.",
    main="""data "aws_iam_policy_document" "hosts" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "letters" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::acme-dev-letters/*"]
  }
}

resource "aws_iam_role" "reader" {
  name               = "dev-letters-reader"
  assume_role_policy = data.aws_iam_policy_document.hosts.json
}

resource "aws_iam_role_policy" "reader" {
  name   = "letters"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.letters.json
}

resource "aws_iam_instance_profile" "reader" {
  name = "dev-letters-reader"
  role = aws_iam_role.reader.name
}
""",
    outputs=output("profile", "Name of the instance profile.", "aws_iam_instance_profile.reader.name"),
)
NETWORK_TYPES = ("aws_vpc", "aws_subnet", "aws_security_group", "aws_vpc_security_group_ingress_rule")
NETWORK = unit(
    f"{DEV}/lab-network",
    "The network of the lab. Output: `vpc`.",
    main="""resource "aws_vpc" "lab" {
  cidr_block = "10.40.0.0/16"

  tags = {
    Name = "dev-lab"
  }
}

resource "aws_subnet" "a" {
  vpc_id            = aws_vpc.lab.id
  cidr_block        = "10.40.1.0/24"
  availability_zone = "us-east-1a"

  tags = {
    Name = "dev-lab-a"
  }
}

resource "aws_subnet" "b" {
  vpc_id            = aws_vpc.lab.id
  cidr_block        = "10.40.2.0/24"
  availability_zone = "us-east-1b"

  tags = {
    Name = "dev-lab-b"
  }
}

resource "aws_security_group" "internal" {
  name        = "dev-lab-internal"
  description = "Hosts of the lab among themselves."
  vpc_id      = aws_vpc.lab.id
}

resource "aws_vpc_security_group_ingress_rule" "internal" {
  security_group_id = aws_security_group.internal.id
  description       = "TLS inside the lab."
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "10.40.0.0/16"
}

resource "aws_internet_gateway" "lab" {
  vpc_id = aws_vpc.lab.id
}
""",
    outputs=output("vpc", "Id of the network.", "aws_vpc.lab.id"),
)
INGEST = {
    **bucket_unit(f"{DEV}/ingest", bucket("acme-dev-ingest", "ingest"), "ingest"),
    **unit(
        f"{DEV}/ingest-alerts",
        "The alarm of the ingest. Output: `topic`.",
        main="""resource "aws_sns_topic" "pager" {
  name              = "dev-ingest-pager"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_cloudwatch_metric_alarm" "empty" {
  alarm_name          = "dev-ingest-empty"
  alarm_description   = "Nothing was delivered for two days."
  namespace           = "AWS/S3"
  metric_name         = "NumberOfObjects"
  statistic           = "Average"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 86400
  evaluation_periods  = 2
  alarm_actions       = [aws_sns_topic.pager.arn]

  dimensions = {
    BucketName  = "acme-dev-ingest"
    StorageType = "AllStorageTypes"
  }
}
""",
        outputs=output("topic", "ARN of the topic.", "aws_sns_topic.pager.arn"),
    ),
}
HOST_DOWN = """
resource "aws_cloudwatch_metric_alarm" "host_down" {
  alarm_name          = "dev-host-down"
  alarm_description   = "A host is dead."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  alarm_actions       = [aws_sns_topic.pager.arn]
}
"""
CHEAPER = """
resource "aws_s3_bucket_lifecycle_configuration" "cheaper" {
  bucket = aws_s3_bucket.letters.id

  rule {
    id     = "cheaper-with-age"
    status = "Enabled"

    filter {}

    transition {
      days          = 60
      storage_class = "STANDARD_IA"
    }
  }
}
"""
EXPIRES = """  deletion_protection_enabled = false

  ttl {
    attribute_name = "expires"
    enabled        = true
  }
"""
OPEN = """
resource "aws_security_group" "maintenance" {
  name        = "maintenance"
  description = "Maintenance."
}

resource "aws_vpc_security_group_ingress_rule" "maintenance" {
  security_group_id = aws_security_group.maintenance.id
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = "0.0.0.0/0"
}
"""
JUMP = """resource "aws_security_group" "jump" {
  name        = "dev-jump"
  description = "SSH to the jump host."
  vpc_id      = "vpc-0a1b2c3d4e5f67890"
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.jump.id
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = "0.0.0.0/0"
}
"""
