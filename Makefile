# Each target does its own set-up: Python 3.11 or newer, git and make are enough.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help demo test lint format lock clean
.DEFAULT_GOAL := help

# The environments, and a provider mirror where the machine has one (else Terraform asks the public registry).
setup = home=$$(bin/setup-env dev); checkov=$$(bin/setup-env checkov); bin/setup-env agent > /dev/null; \
	export PYTHONPATH=$(CURDIR) INFRA_AGENT_CHECKOV_PYTHON=$$checkov/bin/python; \
	INFRA_AGENT_PROVIDER_MIRROR=$$(bin/find-mirror); export INFRA_AGENT_PROVIDER_MIRROR
# The tools for playbooks and manifests, each in an environment of its own.
more = INFRA_AGENT_ANSIBLE_PYTHON=$$(bin/setup-env ansible)/bin/python; export INFRA_AGENT_ANSIBLE_PYTHON; \
	INFRA_AGENT_KUBERNETES_PYTHON=$$(bin/setup-env kubernetes)/bin/python; export INFRA_AGENT_KUBERNETES_PYTHON

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo:  ## Run the whole pipeline on this laptop: make demo ARGS='--help'
	@$(setup); "$$home/bin/python" -m agent demo $(ARGS)

test:  ## Run every test: make test ARGS='-k gate'
	@$(setup); $(more); "$$home/bin/python" -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint:  ## ruff, mypy --strict, import layers, zizmor
	@$(setup); export PATH="$$home/bin:$$PATH"; \
	ruff check . && ruff format --check . && mypy && lint-imports && \
	zizmor --offline --persona=auditor --no-progress .github/workflows

format:  ## Format the code
	@$(setup); "$$home/bin/ruff" format . && "$$home/bin/ruff" check --fix .

lock:  ## Write requirements/*.txt anew from pyproject.toml and requirements/*.in
	@bin/lock

clean:  ## Remove everything that is made, environments included
	rm -rf .venvs .cache .sandbox
