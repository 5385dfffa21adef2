"""The pipeline: one module a CI job, in the order in which the workflows run them."""

ORDER = (
    ("intake", "receive", "steer", "author", "examine", "propose", "plan", "review", "publish"),
    ("resolve", "lock", "apply", "validate", "report"),
)
