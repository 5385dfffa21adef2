resource "aws_glue_catalog_table" "events" {
  name          = "events"
  database_name = "events"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    "projection.enabled"        = "true"
    "projection.day.format"     = "yyyy/MM/dd"
    "storage.location.template" = "s3://${var.bucket}/events/$${day}"
  }

  storage_descriptor {
    location = "s3://${var.bucket}/events/"

    dynamic "columns" {
      for_each = [
        { name = "id", type = "string" },
        { name = "at", type = "timestamp" },
      ]
      content {
        name = columns.value.name
        type = columns.value["type"]
      }
    }
  }
}

variable "bucket" { type = string }
