# The providers that units may use, by hash. `terraform init` refuses any other file than these.
# To move to another version or add a platform, run in an empty folder with that version in its required_providers:
#   terraform providers lock -platform=linux_amd64 -platform=linux_arm64 -platform=darwin_arm64
# and bring the result here in a pull request, together with terraform.providers in .github/infra-agent.yml.

provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "5.100.0"
  hashes = [
    "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=",
  ]
}
