resource "aws_sns_topic" "x" {
  name              = "x"
  kms_master_key_id = "alias/aws/sns"
}
