# `make demo` and `make test` are all that a newcomer types. Arguments go through: make test ARGS="-k consent".
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory --no-builtin-rules
ARGS ?=

# Another project's activated environment must not be taken for ours, and where Python may not keep what it has compiled, every
# command starts a second later.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
export UV_PROJECT_ENVIRONMENT := .venv

# A uv on PATH may be another tool's shim that does not run in this folder, or too old for uv.lock: so it is tried, not looked up.
FIND_UV := set -e; uv=uv; uv version --short >/dev/null 2>&1 || { $(MAKE) .uv/bin/uv; uv=.uv/bin/uv; }
RUN := .venv/bin

.PHONY: help demo test check bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  \033[1mmake %-6s\033[0m  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.can-run ## Start the service with a demo organisation of invented people and print the ways in
	@$(RUN)/accompany demo $(ARGS)

test: .venv/.can-test ## Run every test on real PostgreSQL servers
	@$(RUN)/pytest $(ARGS)

check: .venv/.can-test ## Check format, types, import rules, the compose file, the image and the API document
	@step() { printf '\033[1m%s\033[0m\n' "$$*"; "$$@"; }; \
	$(FIND_UV); \
	step "$$uv" lock --check --quiet; \
	step $(RUN)/ruff format --check .; \
	step $(RUN)/ruff check .; \
	step $(RUN)/mypy; \
	step $(RUN)/lint-imports --no-logo; \
	step $(RUN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml; \
	step $(RUN)/hadolint Dockerfile; \
	step $(RUN)/python -m adapters.http.openapi --check

bench: .venv/.can-test ## Measure on this machine, beside others: make bench ARGS="appends --quick"
	@$(RUN)/python -m benchmarks $(ARGS)

clean: ## Remove what was installed or cached here; data folders stay
	@rm -rf .venv .uv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name .git -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

# Stamps, so that a second `make test` installs nothing. A demo does without the tools that only tests and checks need.
.venv/.can-run: pyproject.toml uv.lock .python-version Makefile
	@$(FIND_UV); "$$uv" sync --frozen --no-dev --extra figures --extra pdf --inexact
	@touch $@

.venv/.can-test: pyproject.toml uv.lock .python-version Makefile
	@$(FIND_UV); "$$uv" sync --frozen --extra figures --extra pdf --extra aws --extra pkcs11 --extra timestamps
	@touch $@ .venv/.can-run

# Any Python can carry uv, which then finds or fetches the Python that the project needs. Tried from / because a version manager's
# shim reads our .python-version and refuses where that version is not installed.
.uv/bin/uv:
	@echo "Fetching uv into .uv/" >&2
	@here="$$PWD"; cd /; \
	for python in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python; do \
		rm -rf "$$here/.uv"; \
		"$$python" -m venv "$$here/.uv" >/dev/null 2>&1 && "$$here/.uv/bin/python" -m pip install --quiet --disable-pip-version-check uv && exit 0; \
	done; \
	rm -rf "$$here/.uv"; \
	echo "No Python here can make a virtual environment. Install python3-venv, or uv: https://docs.astral.sh/uv/" >&2; exit 1
