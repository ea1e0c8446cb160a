# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PORT ?= 8000
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# What touches rows runs on both databases.
ON_POSTGRES = tests/accounts tests/api tests/bookings tests/calendars tests/companies tests/e2e/test_races.py \
	tests/e2e/test_story.py tests/feeds tests/jobs tests/messages tests/ops/test_backup.py \
	tests/ops/test_restore.py tests/ops/test_deploy.py tests/ops/test_views.py tests/simulation tests/web
# Histories that `make test-all` plays besides the few of the suite.
CI_SEEDS ?= 10000
# `make test` orders the tests anew each time; a verdict is to be the same when it is asked for again.
CI_ORDER ?= 1

# A change of any of these sets up again.
SETUP_FROM = pyproject.toml package-lock.json tools/build_frontend.py src/kalends/locale/fr/LC_MESSAGES/django.po

.PHONY: help run setup setup-dev test test-fast test-all system-packages check lint types imports format e2e simulate bench kill-test messages clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

run: setup ## the demo: web, worker, stand-in calendars; http://127.0.0.1:8000, or make run PORT=8080
	@$(BIN)/kalends demo --run --port $(PORT)

setup: .setup-stamp ## install what is locked and build the front end

setup-dev: .setup-stamp-dev ## the same with what tests and checks need

.setup-stamp: requirements.txt $(SETUP_FROM)
	@$(PYTHON) tools/setup_environment.py requirements.txt
	@touch $@

.setup-stamp-dev: requirements-dev.txt $(SETUP_FROM)
	@$(PYTHON) tools/setup_environment.py requirements-dev.txt --dev
	@touch $@ .setup-stamp

test: setup-dev ## the suite but for its slowest tests (test-all has them); says what it skipped where a server is missing
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow"

test-fast: setup-dev ## pure rooms only, no database
	$(BIN)/pytest -q tests/core tests/scheduling tests/sync tests/ics

test-all: system-packages setup-dev check ## everything that CI runs, on both databases, nothing skipped
	KALENDS_TEST_SKIP=refuse $(BIN)/pytest -n 2 --dist loadgroup -p randomly --randomly-seed=$(CI_ORDER)
	KALENDS_TEST_SKIP=refuse KALENDS_TEST_SEEDS=1-10 $(BIN)/python tools/with_postgres.py $(BIN)/pytest -n 2 --dist loadgroup \
		-p randomly --randomly-seed=$(CI_ORDER) $(ON_POSTGRES)
	$(BIN)/python -m tests.simulation --first 21 --seeds $(CI_SEEDS)

system-packages: ## servers and browsers from Debian's packages
	@sh tools/system_packages.sh

check: lint types imports ## style, types, import contracts

lint: setup-dev
	$(BIN)/ruff check src tests tools
	$(BIN)/ruff format --check src tests tools

types: setup-dev
	$(BIN)/mypy src/kalends

imports: setup-dev
	$(BIN)/lint-imports

format: setup-dev ## tidy the code
	$(BIN)/ruff check --fix -q src tests tools
	$(BIN)/ruff format -q src tests tools

e2e: setup-dev ## the story in a browser and against real servers; pictures of all pages under screenshots/
	KALENDS_TEST_PICTURES=1 $(BIN)/pytest -n0 -m e2e tests/e2e

simulate: setup-dev ## random histories: SEEDS=n how many, FIRST=k from which number, SEED=k one again
	$(BIN)/python -m tests.simulation --first $(or $(FIRST),1) --seeds $(or $(SEEDS),200) $(if $(SEED),--seed $(SEED))

bench: setup-dev ## speed, beside peers in the same run
	$(BIN)/python -m tests.bench

SECONDS ?= 300
kill-test: setup-dev ## processes killed with -9 at random under load, for SECONDS on each database
	KALENDS_TEST_KILL_SECONDS=$(SECONDS) $(BIN)/pytest -n0 -q -s tests/e2e/test_killed.py

messages: setup-dev ## collect and compile the texts to translate
	$(BIN)/python tools/messages.py

clean: ## forget what was installed and built (data under var/ stays)
	rm -rf $(VENV) node_modules .setup-stamp .setup-stamp-dev src/kalends/web/static/vendor
