"""Language models: roles and prompts (Markdown), reading tools, budgets, failover."""
