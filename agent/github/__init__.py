"""The forge: GitHub's API through PyGithub, in functions over one connection."""
