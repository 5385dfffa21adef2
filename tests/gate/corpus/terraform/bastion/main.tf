data "aws_ami" "ubuntu" {
  most_recent = true
  owners      = ["099720109477"]

  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]
  }
}

resource "aws_instance" "bastion" {
  ami                         = data.aws_ami.ubuntu.id
  instance_type               = "t3.micro"
  user_data_replace_on_change = true

  user_data = <<-EOF
    #cloud-config
    package_update: true
    packages:
      - postgresql-client
      - jq
    write_files:
      - path: /etc/motd
        content: |
          This is ${var.name}; be kind.
  EOF

  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_key_pair" "ops" {
  key_name   = "ops"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8m3d0q1Qp7kN3v4a5b6c7d8e9f0g1h2i3j4k5l6m7n ops@example.com"
}

resource "aws_iam_role" "bastion" {
  name               = "bastion"
  assume_role_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"
}

variable "name" {
  type    = string
  default = "bastion"
}
