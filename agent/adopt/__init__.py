"""Putting infra-agent on somebody's own repository: what `init` writes and asks for, and what `doctor` finds there."""
