"""What the local AWS answers differently from AWS, mended, so that an applied unit stands still there too."""

from typing import Any

from moto.autoscaling.models import FakeScalingPolicy
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.security_groups import SecurityGroupRule


def mend() -> None:
    """Mend the running process's local AWS. Once, before it serves."""
    _launch_template_tags()
    _scaling_policies()
    _rule_descriptions()


def _launch_template_tags() -> None:
    # AWS tags the template with these; the local AWS also writes them into what the template launches
    create = LaunchTemplate.create_version

    def create_version(self: LaunchTemplate, data: dict[str, Any], description: str) -> Any:
        tags = data.get("TagSpecifications")
        if tags is not None:
            data["TagSpecifications"] = [item for item in tags if item.get("ResourceType") != "launch-template"]
        return create(self, data, description)

    setattr(LaunchTemplate, "create_version", create_version)  # noqa: B010


def _scaling_policies() -> None:
    # a policy is enabled unless it was said otherwise, and holds only the configuration of its own type
    setattr(FakeScalingPolicy, "enabled", True)  # noqa: B010
    start = FakeScalingPolicy.__init__

    def init(self: FakeScalingPolicy, *args: Any, **kwargs: Any) -> None:
        start(self, *args, **kwargs)
        if not self.predictive_scaling_configuration:
            del self.predictive_scaling_configuration

    setattr(FakeScalingPolicy, "__init__", init)  # noqa: B010


def _rule_descriptions() -> None:
    # the local AWS forgets the description of a rule that names another group
    def description(self: SecurityGroupRule) -> str | None:
        said = self.ip_range.get("Description") or self.source_group.get("Description")
        return str(said) if said else None

    setattr(SecurityGroupRule, "description", property(description))  # noqa: B010
