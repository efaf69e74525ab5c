# make demo        two hosts with certificate login, a helper and tokens, on 127.0.0.1
# make demo-walk   walks every journey of the demonstration as a browser would and prints one line per step
# make test lint   what CI runs

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-walk test test-long lint bench docs clean

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/ready
SYSTEM := $(VENV)/system
export PYTHONPATH := examples

help:
	@echo "make setup      virtual environment in $(VENV)/ and, as root with apt, the system packages that are missing"
	@echo "make demo       survey_app on http://127.0.0.1:8000, zcqd_app on :8001, CAs, a helper and tokens, in ./.demo/"
	@echo "make demo-walk  the same on free ports in a temporary directory, walked through and checked"
	@echo "make test       all tests; rooms without I/O must have every branch covered"
	@echo "make test-long  the tests that take minutes"
	@echo "make lint       style, types, import layers"
	@echo "make bench      what a request through certlogin costs, measured here"
	@echo "make docs       checks the links of the documentation and says where it is"
	@echo "make clean      removes what the other targets made"

setup: $(READY) $(SYSTEM)

$(READY): pyproject.toml scripts/setup.sh
	@scripts/setup.sh environment $(VENV)
	@touch $@

# Chromium, fonts and a screen that nobody sees, for tests only: the demonstration does without.
$(SYSTEM): scripts/setup.sh | $(READY)
	@scripts/setup.sh system
	@touch $@

demo: $(READY)
	@exec $(PY) -m demonstration.demo $(ARGS)

demo-walk: $(READY)
	@exec $(PY) -m demonstration.walk $(ARGS)

test: setup
	$(PY) -m coverage erase
	$(PY) -m pytest -m "not long" -n auto --dist loadfile --cov --cov-report= $(ARGS)
	$(PY) -m coverage report --skip-covered --skip-empty
	@echo "The rooms without I/O (PURE), every branch:"
	$(PY) -m coverage report --fail-under=100 --show-missing --skip-empty \
		--include='certlogin/login/*,certlogin/journeys/*,certlogin/pki/*,certlogin/wire/*,certlogin/records/*,certlogin/evidence/*'

test-long: setup
	$(PY) -m pytest -m long $(ARGS)

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

bench: $(READY)
	$(PY) -m benchmarks.bench $(ARGS)
	$(PY) -m benchmarks.verification
	$(PY) -m benchmarks.crl

docs: $(READY)
	$(PY) scripts/check_links.py README.md README.zh-CN.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs
	@echo "Documentation: start at docs/index.md"

clean:
	rm -rf .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* $(VENV)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
