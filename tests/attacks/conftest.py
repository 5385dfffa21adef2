"""The jobs on a served forge, as tests/jobs has them: the corpus is driven through them."""

from tests.jobs.conftest import desk, project_files

__all__ = ["desk", "project_files"]
