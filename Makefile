# `make demo` and `make test` need Python 3.9 to 3.15, make and the network, nothing else.

PYTHON ?= python3
VENV ?= .venv

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGE = setup.py pyproject.toml guild_notebook/__init__.py

# Each of the thousand processes that tests start would compile the package anew.
export PYTHONDONTWRITEBYTECODE =

# The demo has a Guild home of its own, and the commands of the environment come first.
DEMO = PATH="$(abspath $(BIN)):$$PATH" GUILD_HOME="$(abspath .demo)"

.PHONY: help venv dev hooks demo test slow coverage docs pictures screenshots links corpus faults matrix cluster bench bounds lint format tables changelog release clean

help:
	@echo "make demo          run the main example twice and compare, with a word on each step (runs: .demo)"
	@echo "make test          run the tests, but for those that are slow"
	@echo "make slow          run those: sessions of the documentation, VS Code, long sweeps, most rows of tables of runs"
	@echo "make coverage      run the tests, and print how much of the package they reach, branches too"
	@echo "make lint          ruff, mypy and the contracts between the rooms"
	@echo "make docs          build the documentation (build/docs)"
	@echo "make pictures      take the pictures of README.md and docs/ anew, from real runs"
	@echo "make screenshots   take those of reports alone"
	@echo "make links         look whether the documentation's links to other sites lead somewhere"
	@echo "make corpus        run the notebooks of nbclient's, nbconvert's and papermill's tests"
	@echo "make faults        cause all that can go wrong, in its heavy forms too, and print figures"
	@echo "make matrix        all of Guild's commands with notebooks and with scripts, on each Python; more sweeps"
	@echo "make cluster       the long tests of dask:cluster and remotes, and the throughput of 200 trials"
	@echo "make bench         measure what a run costs, beside papermill and others; QUICK=1 in two minutes"
	@echo "make bounds        measure what notebooks without bound cost; QUICK=1 in an eighth of the size"
	@echo "make venv          only make the environment $(VENV) and install the package"
	@echo "make dev           make $(VENV) with all that tests, linters, documentation and a release need"
	@echo "make hooks         let git run make lint before each commit"
	@echo "make tables        write the tables of README.md and docs/ that are made from the code"
	@echo "make format        let ruff mend and format the code"
	@echo "make changelog     show what CHANGELOG.md will say of the changes since the last release"
	@echo "make release       build, check, commit and tag a release: VERSION=1.2.3, DRY=1 to try it"
	@echo "make clean         remove all of these"
	@echo
	@echo "PYTHON=python3.12 chooses the interpreter, VENV=folder the environment,"
	@echo "MATRIX=ci one Python in full and the others in short"

venv: $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 9) <= sys.version_info < (3, 16))' || \
	  { echo "$(PYTHON) is not Python 3.9 to 3.15: choose one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) has no venv (Debian: apt install python3-venv)" >&2; exit 1; }
	@$(PIP) install --upgrade pip  # that of Python 3.9 may take very long to find what fits

$(VENV)/.installed: $(BIN)/python $(PACKAGE)
	@echo "installing into $(VENV): a minute or two"
	@$(PIP) install -e .
	@touch $@

dev: $(BIN)/python
	@echo "installing into $(VENV): a minute or two"
	@$(PIP) install -e ".[test,lint,docs]"
	@touch $(addprefix $(VENV)/.,installed test lint docs)

$(VENV)/.demo: $(VENV)/.installed
	@$(PIP) install matplotlib scikit-learn
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@$(PIP) install -e ".[test]"
	@touch $@

$(VENV)/.lint: $(VENV)/.installed
	@$(PIP) install -e ".[lint]"
	@touch $@

demo: $(VENV)/.demo
	@mkdir -p .demo
	@$(DEMO) sh tools/demo.sh

# Tests that share runs and kernels stay with one worker (tests/conftest.py).
PARALLEL = -n auto --dist loadscope

# With COVERAGE=1 each process writes a file of its own; their number is that of processes.
COVERED = COVERAGE_FILE="$(abspath build)/coverage/data" $(BIN)/python -m coverage
test: $(VENV)/.test
	@echo "Without the tests that are slow: make slow runs those"
ifdef COVERAGE
	@rm -rf build/coverage && mkdir -p build/coverage
	$(COVERED) run -m pytest $(PARALLEL)
	@$(COVERED) combine --quiet build/coverage
	@$(COVERED) report
else
	$(BIN)/python -m pytest $(PARALLEL)
endif

slow: $(VENV)/.test
	$(BIN)/python -m pytest $(PARALLEL) -m slow

coverage:
	@$(MAKE) --no-print-directory test COVERAGE=1

$(VENV)/.docs: $(VENV)/.installed
	@$(PIP) install -e ".[docs]"
	@touch $@

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs
	@echo "The documentation: build/docs/index.html"

# By hand, when what users see has changed. Needs Chromium; ONLY="run sweep" takes some.
pictures: $(VENV)/.test
	$(BIN)/python -m tools.pictures $(ONLY)

screenshots: $(VENV)/.test
	$(BIN)/python -m tools.pictures --reports

# By hand only: whether other sites answer does not depend on a change.
links: $(VENV)/.docs
	$(BIN)/sphinx-build -q -b linkcheck docs build/links

corpus: $(VENV)/.test
	@$(PIP) install ipywidgets sympy
	$(BIN)/python -m pytest -m corpus -s

# Gigabytes, hundreds of runs, and a table of what was measured. Two at a time, not more, since
# times are measured.
TWO = -n 2 --dist loadscope
faults: $(VENV)/.test
	@rm -f $(VENV)/figures && touch $(VENV)/figures
	@export FAULTS_FIGURES="$(abspath $(VENV)/figures)"; set -x; \
	  $(BIN)/python -m pytest $(TWO) -m faults --ignore=tests/faults tests; others=$$?; \
	  $(BIN)/python -m pytest $(TWO) -m "faults or not faults" tests/faults && exit $$others

# MATRIX=ci is one Python in full and the others in short, and all have to be there; `nox -l` lists
# the sessions. Two run at a time, each on one core, those with all checks first.
NAMES = import json, sys; found = [s["name"] for s in json.load(sys.stdin)]; \
  print(*sorted(found, key=lambda name: not name.endswith("-venv")))
MATRIX ?= matrix
matrix: $(VENV)/.test
	@rm -rf .nox/results .nox/dist
	@$(BIN)/nox -s pythons || [ $(MATRIX) != ci ]
	@$(BIN)/python -m uv build --quiet --out-dir .nox/dist
	@$(BIN)/nox -t $(MATRIX) --list --json | \
	  $(BIN)/python -c '$(NAMES)' | MATRIX_HAS_WHEEL=1 xargs -n 1 -P 2 $(BIN)/nox -s; \
	  status=$$?; $(BIN)/python tests/matrix/table.py; exit $$status

cluster: $(VENV)/.test
	$(BIN)/python -m pytest -m cluster -s

# About half an hour. ONLY="2 cells" and the like chooses workloads by a part of their name.
bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.bench $(if $(QUICK),--quick) $(if $(WRITE),--write) \
	  $(if $(ONLY),"$(ONLY)")

# Over half an hour: 17 workloads, each a run of four sizes.
bounds: $(VENV)/.test
	$(BIN)/python benchmarks/bounds.py $(if $(QUICK),--quick)

# .pre-commit-config.yaml runs it too: what it consists of is said here alone.
lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tables: $(VENV)/.test
	$(BIN)/python -m tests.docs.test_options_table
	$(BIN)/python -m tests.helpers.tables

hooks: $(VENV)/.lint
	$(BIN)/pre-commit install

changelog: $(VENV)/.test
	@$(BIN)/towncrier build --draft

# All happens in a clone, until it is committed and tagged here. Pushes and uploads nothing.
release: $(VENV)/.test
	$(BIN)/python tools/release.py $(if $(DRY),--dry) $(VERSION)

clean:
	rm -rf $(VENV) .bench .demo .nox build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
