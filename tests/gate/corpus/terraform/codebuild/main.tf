resource "aws_codebuild_project" "tests" {
  name          = "tests"
  service_role  = var.role_arn
  build_timeout = 20

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    type         = "LINUX_CONTAINER"
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/standard:7.0"

    dynamic "environment_variable" {
      for_each = var.variables

      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }

  source {
    type      = "CODEPIPELINE"
    buildspec = <<-SPEC
      version: 0.2
      phases:
        install:
          runtime-versions:
            python: "3.12"
        build:
          commands:
            - pip install --require-hashes -r requirements.txt
            - pytest -q
    SPEC
  }
}

variable "role_arn" { type = string }

variable "variables" {
  type    = map(string)
  default = { STAGE = "test" }
}
