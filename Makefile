# Two commands do everything: `make preview` and `make test`. Each sets up first what it needs.

PYTHON ?= python3.11
ENV ?= production
AREA ?= policies
BIN := .venv/bin
CHECKOV ?= $(if $(shell command -v checkov),checkov,$(CURDIR)/$(BIN)/uv tool run checkov@3.3.30)
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup preview test format lint types imports tests soak build audit policies lock benchmarks mutation agreement messages docs clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Install the locked set of packages into .venv

$(READY): requirements.lock setup.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Slipway needs Python 3.11: install it, or name it with PYTHON=…" >&2; exit 2; }
	@echo "Setting up .venv" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement setup.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

preview: $(READY) ## Preview an environment with its policies: make preview ENV=staging
	@$(BIN)/slipway preview $(ENV)

test: lint types imports tests ## Run every check

lint: $(READY) ## Check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## Check types, strictly
	$(BIN)/basedpyright

imports: $(READY) ## Check that imports point one way
	$(BIN)/lint-imports

tests: $(READY) ## Run the tests, with coverage
	$(BIN)/pytest --cov --cov-report=term

build: $(READY) ## Build the distribution from the locked packages
	$(BIN)/uv build --quiet --wheel --no-build-isolation --out-dir dist

audit: $(READY) ## Look for known vulnerabilities in the locked packages
	$(BIN)/uv tool run pip-audit@2.10.1 --strict --disable-pip --require-hashes --requirement requirements.lock

policies: $(READY) ## Judge every stack by the policies
	@$(BIN)/slipway preview $$($(BIN)/python -c 'import environments, pathlib; print(*environments.stacks(pathlib.Path()))')

soak: $(READY) ## Run all of the large tests: kills, faults, corruption, made-up environments, simulated cutovers
	SLIPWAY_SOAK=1 $(BIN)/pytest $$(grep -rlE 'SLIPWAY_SOAK|tests\.soak' tests --include='test_*.py')
	$(BIN)/python -m tests.scripts.cutover.simulation --seeds 10000

format: $(READY) ## Put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmarks: $(READY) ## Measure the preview, the policies, deployments and cutovers
	$(BIN)/python benchmarks/preview.py
	$(BIN)/python benchmarks/policies.py
	$(BIN)/python benchmarks/program.py
	$(BIN)/python benchmarks/cutover.py

mutation: $(READY) ## Change the code in one place at a time, and want a test to fail: AREA=policies or cutover
	$(BIN)/python tools/mutation --area $(AREA) $(MODULES)

agreement: $(READY) ## Compare the rules with Checkov's on the same resources
	$(BIN)/python tools/agreement --checkov $(CHECKOV)

messages: $(READY) ## Write anew what each rule says of its failing examples, for review
	$(BIN)/python -m tests.policies.messages

docs: $(READY) ## Write the generated pages: the rules, the requirements, the URNs, the diagrams
	$(BIN)/python -m policies.pages
	$(BIN)/python -m tests.stacks.urns
	$(BIN)/slipway trace --markdown > docs/requirements.md.new
	mv docs/requirements.md.new docs/requirements.md
	for file in Pulumi.*.yaml; do stack=$${file#Pulumi.}; stack=$${stack%.yaml}; $(BIN)/slipway plan $$stack --diagram docs/diagrams/$$stack.svg || exit; done

lock: $(READY) ## Resolve the packages anew, with hashes
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev --upgrade --output-file requirements.lock pyproject.toml
	grep --after-context=99 '^uv==' requirements.lock | awk 'NR == 1 || /^ +--hash/ {print; next} {exit}' > setup.lock

clean: ## Remove what the commands made
	rm -rf .venv out .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
