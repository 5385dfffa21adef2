"""infra-agent: a GitOps pull-request pipeline that runs in CI."""

__version__ = "0.1.0"
