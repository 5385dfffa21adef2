"""What is deployed in one go: find it, plan it, apply it, probe it."""
