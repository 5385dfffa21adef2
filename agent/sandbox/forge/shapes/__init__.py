"""Rows in, the objects of GitHub's API out."""
