"""Outside tools, one file each; `run.py` runs them all. Importing this package loads none of them."""
