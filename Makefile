# `make` lists what there is to do.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -qq

.PHONY: help demo serve test unit check format bench soak docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/runtime ## play a day of visits and calls, then stay up to be looked at
	$(BIN)/ringtrace demo

serve: $(VENV)/runtime ## run the server over ./ringtrace-data
	$(BIN)/ringtrace serve

test: $(VENV)/development $(VENV)/system check ## everything a change can break
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term-missing:skip-covered $(PYTEST)

unit: $(VENV)/development ## the fast tests
	$(BIN)/python -m pytest -q tests/unit $(PYTEST)

check: $(VENV)/development ## format, lint, types, direction of imports; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/development ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/development $(VENV)/system ## measure speed beside a named floor; writes benchmarks/results/*.json
	$(BIN)/python -m benchmarks.hot_routes
	$(BIN)/python -m benchmarks.store_rows
	$(BIN)/python -m benchmarks.sip_load
	$(BIN)/python -m benchmarks.lake
	$(BIN)/python -m benchmarks.leaving
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.chart

KEPT := RINGTRACE_SOAK_RESULTS=benchmarks/results

soak: $(VENV)/development $(VENV)/system ## the long counts; writes benchmarks/results/soak-*.json
	$(KEPT) RINGTRACE_KILLS=100 $(BIN)/python -m pytest -q tests/integration/test_kill.py
	$(KEPT) RINGTRACE_STORE_AWAY=30 $(BIN)/python -m pytest -q tests/integration/test_store_away.py
	RINGTRACE_AWAY=60 $(BIN)/python -m pytest -q tests/integration/sip/test_outage.py
	RINGTRACE_FORKS=100 $(BIN)/python -m pytest -q tests/integration/sip/test_dial.py
	RINGTRACE_MUTATIONS=2000 $(BIN)/python -m pytest -q tests/integration/sip/test_malformed.py
	RINGTRACE_LOSSY_CALLS=100 $(BIN)/python -m pytest -q tests/integration/sip/test_loss.py
	RINGTRACE_VISITS=2000 $(BIN)/python -m pytest -q -s tests/integration/store/test_lease_concurrency.py
	$(BIN)/python -m benchmarks.lake --full
	$(BIN)/python -m benchmarks.growth --full
	$(BIN)/python -m benchmarks.memory --full

docs: $(VENV)/development ## check that the documentation is complete
	$(BIN)/python -m pytest -q tests/unit/test_docs.py

clean: ## remove what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage dist

# A bare Debian has Python without venv.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
	  $(APT) update; $(APT) install -y python3-venv; $(PYTHON) -m venv $(VENV); }

$(VENV)/runtime: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/development: $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group tests --group bench --group lint
	@touch $@

# What the tests drive: a browser, a SIP phone, encoders, a SIP proxy, a database server, and who
# watches them. Debian would start proxy and database as services: the tests need the programs only.
COMMANDS := chromium sipp wrk flac opusenc lame ffmpeg kamailio openssl strace
PACKAGES := chromium sip-tester wrk fonts-dejavu-core flac opus-tools lame ffmpeg \
  kamailio kamailio-tls-modules openssl postgresql strace
$(VENV)/system: $(BIN)/python Makefile
	@for one in $(COMMANDS); do command -v $$one >/dev/null || missing=yes; done; \
	  ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing=yes; \
	  [ -z "$$missing" ] || { $(APT) update; \
	  $(APT) install -y --no-install-recommends postgresql-common; \
	  $(SUDO) sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' \
	    /etc/postgresql-common/createcluster.conf; \
	  command -v kamailio >/dev/null || $(SUDO) systemctl mask kamailio >/dev/null 2>&1 || true; \
	  $(APT) install -y --no-install-recommends $(PACKAGES); }
	@touch $@
