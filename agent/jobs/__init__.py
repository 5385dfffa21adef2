"""The pipeline: one module a CI job, in the order in which the workflows run them."""

ORDER = (
    ("intake", "author", "examine", "propose", "plan", "publish"),
    ("resolve", "apply", "validate", "report"),
)
