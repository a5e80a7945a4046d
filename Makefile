# Everything a person or a CI runs. Needs make and Python 3.11 or later, nothing else.

VENV   := .venv
PY     := $(VENV)/bin/python
ARGS   ?=
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# As pip does; works behind a proxy that has a certificate of its own.
export UV_SYSTEM_CERTS := 1
# The tests start hundreds of processes; each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-all coverage page-test prove chaos check page-check audit release pin format bench lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     install, import a real trace, ask, print the report, stay up (ARGS=--once ends)"
	@echo "make test     the tests, without the long ones (ARGS=tests/unit/core runs some of them)"
	@echo "make test-all the rest: the long tests, the browser's, more examples of every property, then make coverage"
	@echo "make coverage every branch of the core, the factories and the context is taken, or it fails"
	@echo "make prove    take out each validation point in turn: some test must notice"
	@echo "make chaos    500 clients of a real server, cut off at random for two minutes (ARGS='--kills 200 --clients 60 --cuts')"
	@echo "           ARGS='--fleet 4 --clients 60 --times 200': four processes, PostgreSQL and Valkey, all killed so often"
	@echo "make check    lint, format, types, import rules, licences"
	@echo "make audit    whether advisories are known about what is locked (ARGS=--required fails if nobody could be asked)"
	@echo "make release  wheel, source distribution, bills of materials and checksums into dist/"
	@echo "make bench    us and our peers in turns on this machine"
	@echo "make install  only install, with what tests need, into $(VENV)"
	@echo "make pin      name the base images in deploy/ by digest (needs Docker and its registry)"
	@echo "make format   put the code into its one format"
	@echo "make lock     compile the locks anew (the only target that changes versions)"
	@echo "make clean    remove $(VENV), caches and built things; data stays"

install: $(VENV)/.installed-dev $(VENV)/.trained

demo: $(VENV)/.installed-runtime $(VENV)/.trained
	@$(VENV)/bin/netra demo $(ARGS)

# Plain pytest runs every test there is. Here they are in two halves, and properties are tried in both.
test: install
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/.installed; fi
	$(PY) -m pytest -n auto -m "not long" --hypothesis-profile quick $(ARGS)
	@$(if $(ARGS),:,$(MAKE) --no-print-directory page-test)

test-all: install
	$(PY) -m pytest -n auto -m "long or hypothesis" --hypothesis-profile thorough $(ARGS)
	@$(if $(ARGS),:,$(MAKE) --no-print-directory coverage)

# The plugin of the kit imports nothing of ours before coverage counts; so it is coverage that runs pytest.
COVERED := core context factories runs cluster services agents/supervisor agents/tools websocket_core

coverage: install
	$(PY) -m coverage run -m pytest -q $(COVERED:%=tests/unit/%)
	$(PY) -m coverage report

prove: install
	$(PY) tests/unified_test_runner.py --prove

chaos: install
	$(PY) -m test_framework.chaos $(or $(ARGS),--clients 500 --seconds 120 --cuts)

check: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m mypy benchmarks/*.py release/*.py
	$(VENV)/bin/lint-imports
	$(PY) -m release.licences
	@$(MAKE) --no-print-directory page-check

# The page itself needs no tools; its checks need Node. Without it they are left out, but never in CI.
WITHOUT_NODE = { echo "The web page was not $(1): Node 20 or later with npm is missing (Debian: apt-get install nodejs npm)."; \
	test -z "$$CI"; }

page-check:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/.installed && npm run --silent check; \
	else $(call WITHOUT_NODE,checked); fi

page-test:
	@if command -v npm >/dev/null; then npm test --silent; else $(call WITHOUT_NODE,tested); fi

node_modules/.installed: package.json package-lock.json
	npm ci
	@touch $@

# What triage learnt from the project's own utterances is kept in the user's cache, so that no server has to learn it first.
$(VENV)/.trained: $(wildcard netra_backend/app/agents/triage/*.py netra_backend/app/agents/triage/*/*.txt) \
		| $(VENV)/.installed-runtime
	@echo "Training triage"
	@$(PY) -m netra_backend.app.agents.triage.classifier
	@touch $@

audit: install
	$(PY) -m release.advisories $(ARGS)

release: install
	$(PY) -m release.build $(ARGS)

pin: install
	$(PY) -m release.images

format: install
	$(PY) -m ruff check --fix --quiet . || true
	$(PY) -m ruff format .

bench: install
	$(PY) -m benchmarks $(ARGS)

# --- installing ------------------------------------------------------------------------------------------------------
# The locks carry hashes and no address of an index. uv installs, itself from a lock; where it cannot be had, or cannot
# reach the index that pip is set up for, pip does. The project's own wheel is built by the locked backend, not isolated.
# An installation of 0.1.0, whose distribution was `netra`, goes first: two would bring each entry point twice.

$(PY):
	@test -n "$(PYTHON)" || { \
	  echo "Python 3.11 or later is needed and was not found; python3 here is: $$(python3 --version 2>&1)."; \
	  echo "Install one (python.org, your system's packages, or pyenv), or name it: make PYTHON=/path/to/python3.12"; \
	  exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "This Python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

define install_locked
	@echo "Installing $$(grep -c '^[a-z]' requirements/$(1).lock) locked packages ($(1))"
	@$(PY) -m pip install --quiet --require-hashes -r requirements/installer.lock || echo "No uv; pip installs instead."
	@{ test -x $(VENV)/bin/uv && VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --require-hashes -r requirements/$(1).lock; } \
	  || $(PY) -m pip install --require-hashes -r requirements/$(1).lock
	@$(PY) -m pip uninstall -qq --yes netra
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@
endef

$(VENV)/.installed-dev: requirements/dev.lock requirements/installer.lock pyproject.toml | $(PY)
	$(call install_locked,dev)
	@touch $(VENV)/.installed-runtime

$(VENV)/.installed-runtime: requirements/runtime.lock requirements/installer.lock pyproject.toml | $(PY)
	$(call install_locked,runtime)

COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

lock: install
	$(COMPILE) pyproject.toml --extra scale --group dev -o requirements/dev.lock
	$(COMPILE) pyproject.toml --group build -c requirements/dev.lock -o requirements/runtime.lock
	$(COMPILE) pyproject.toml --extra scale --group build -c requirements/dev.lock -o requirements/image.lock
	$(COMPILE) --group installer -o requirements/installer.lock
	$(COMPILE) --group peers -o requirements/bench.lock

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist htmlcov var/bench*
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
