resource "aws_ssm_document" "patch" {
  name            = "patch"
  document_type   = "Command"
  document_format = "YAML"
  content = yamlencode({
    schemaVersion = "2.2"
    description   = "Install updates"
    mainSteps = [{
      action = "aws:runShellScript"
      name   = "update"
      inputs = { runCommand = ["dnf -y update --security", "needs-restarting -r || reboot"] }
    }]
  })
}
