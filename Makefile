# The one command surface. Every target sets up what it needs; arguments go through ARGS: make run ARGS="--fresh".

BIN := .venv/bin

# A stack is a dozen Python processes, and the tests start hundreds: without bytecode on disk each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench bench-policy torture contract-suite fmt setup setup-tests

run:
	@exec scripts/run $(ARGS)

test: setup-tests check
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/axiru policy test

bench: bench-policy setup-tests
	$(BIN)/python -m bench.replay
	$(BIN)/python -m bench.decide $(ARGS)

bench-policy: setup
	$(BIN)/python -m bench.policy $(POLICY_ARGS)

# Tests whose longer form is in the same place as the one of every day.
LONGER := tests/policies/test_policy_plain.py tests/policies/test_policy_checks_laws.py \
	tests/ledger/test_vault_rotation.py tests/end_to_end/test_crashes_of_every_action.py

torture: setup-tests
	$(BIN)/pytest tests/torture $(LONGER) --torture $(ARGS)

contract-suite: setup-tests
	$(BIN)/axiru contract-suite $(ARGS)

fmt: setup
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

setup:
	@scripts/setup

setup-tests: setup
	@$(BIN)/python -m axiru.dev.prepare
	@scripts/node-packages
	@scripts/chromium
