# Two commands do everything on a fresh machine: `make play` and `make test`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
QUIET := -qq --no-input
ARGS ?=
GHOSTNOTE_TRAINING_TESTS ?= 1

# A network that stumbles is tried again, and given time.
export PIP_RETRIES ?= 10
export PIP_DEFAULT_TIMEOUT ?= 60

ifeq ($(GHOSTNOTE_TRAINING_TESTS),0)
TEST_PARTS := $(VENV)/.dev
else
TEST_PARTS := $(VENV)/.dev $(VENV)/.training
endif

.PHONY: help play test check format bench soak train reference wheel clean system-play system-test

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12
	@echo
	@echo 'Arguments go in ARGS, as in: make play ARGS="--device null --seconds 10"'

play: system-play $(VENV)/.runtime ## install what is missing and start the instrument
	@$(BIN)/ghostnote play $(ARGS)

test: system-test $(TEST_PARTS) check ## install what is missing, check the code, run every test
	@scripts/test.sh $(BIN)/python $(ARGS)

check: $(VENV)/.dev ## linter, formatter and type checker
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev ## put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: system-test $(VENV)/.dev ## measure latency, real-time factor and dropouts on this machine
	@$(BIN)/ghostnote bench $(ARGS)

soak: system-test $(VENV)/.dev ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow --timeout 3600 $(ARGS)

train: $(VENV)/.training ## train a model: make train ARGS="drums --data FOLDER"
	@$(BIN)/python -m ghostnote_training $(ARGS)

reference: $(VENV)/.runtime ## write docs/reference from the parameter table
	@$(BIN)/python scripts/reference.py

wheel: $(VENV)/.dev ## build dist/*.whl and dist/*.tar.gz
	@$(BIN)/python -m build --no-isolation

clean: ## remove everything that make made, the environment too
	@rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find engine training tests -name __pycache__ -type d -prune -exec rm -rf {} +

system-play: $(VENV)/.made
	@scripts/setup.sh system $(VENV) play

system-test: $(VENV)/.made
	@scripts/setup.sh system $(VENV) test

$(VENV)/.made:
	@scripts/setup.sh venv $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml | $(VENV)/.made
	@echo "Installing ghostnote and what it runs on (a minute or two the first time)"
	@scripts/setup.sh midi $(VENV)
	@$(PIP) install $(QUIET) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Installing the tools for tests and checks (a minute or two the first time)"
	@$(PIP) install $(QUIET) --editable ".[dev]"
	@$(PIP) install $(QUIET) --editable ".[ray]" || echo "Ray cannot be installed here: its tests are skipped."
	@touch $@

# After .dev, so that two pips never write to one environment at once.
$(VENV)/.training: $(VENV)/.dev
	@echo "Installing Keras and TensorFlow for training (some minutes the first time)"
	@if $(PIP) install $(QUIET) --editable ".[training]"; then touch $@; \
	else echo "Keras and TensorFlow cannot be installed here: tests that train are skipped."; fi
