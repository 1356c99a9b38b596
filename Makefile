# Everything a user or a developer does, one target each. `make` alone prints this list.
# Only Python 3.11+ and make are needed; the first target that needs the environment builds it.

PYTHON ?= python3
VENV   ?= .venv
OUT    ?= out
CONFIG ?= experiments/default.toml

# The market folder. Unset: the embedded simulated market and book are written to data/ first.
MARKET    ?=
ACCOUNTS  ?= data/book/accounts.parquet
POSITIONS ?= data/book/positions.parquet
# Period of the walk-forward evaluation and of the replay, end of training (UTC dates).
# Unset: the commands' own defaults, which are counted back from the end of the market.
FROM  ?=
TO    ?=
UNTIL ?=
# Instant of the limits: a UTC date and hour; `end` for the end of the market; unset, the present hour.
AS_OF ?=

# Where training writes to, and what scoring takes: the champion, except in `make run`, which shows its own model.
BUNDLE     ?= models/challenger
SCORE_WITH ?= models:/levercap@champion

# Baselines that the evaluation runs beside B1: all, none, or names with commas between. `make run` takes two: the
# historical simulation of two years, as banks use it, and GARCH with Student's t innovations.
AGAINST ?= all

# Whether the evaluation draws a report of its own; `make run` draws one of everything instead.
REPORT ?= yes

# Size of the benchmarks: full or tiny.
BENCH ?= full

READY  := $(VENV)/.ready
BIN    := $(VENV)/bin
LEVERCAP := $(BIN)/levercap
market := $(or $(MARKET),data/market)
book := --accounts $(ACCOUNTS) --positions $(POSITIONS)
window := $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))
instant := $(if $(AS_OF),--as-of $(AS_OF))
evaluation := --against $(AGAINST) $(if $(REPORT),,--no-report)
# A book of one's own is used as it is; otherwise one is simulated on the market's symbols.
own_book := $(filter command line environment,$(origin ACCOUNTS))
# One worker per core and one thread per worker; a worker takes whole files, so that fixtures of a file are made once.
pytest := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run data validate features train evaluate promote score replay report test fuzz lint types bench clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run                                 the whole product on the embedded simulated market"
	@echo "  make run MARKET=folder                   the same on your market (format: docs/reference/schemas.md)"
	@echo "  more: ACCOUNTS= POSITIONS= FROM= TO= UNTIL= AS_OF= AGAINST= OUT= CONFIG="

setup: $(READY) ## create .venv and install the locked requirements and the package

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "levercap needs Python 3.11 or later; name one with: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import lightgbm' 2>/dev/null \
		|| { echo "LightGBM does not load: it needs the OpenMP library. Install it with one of"; \
		     echo "    apt-get install libgomp1      (Debian, Ubuntu)"; \
		     echo "    dnf install libgomp           (Fedora, Red Hat)"; \
		     echo "and run make setup again."; exit 1; }
	$(BIN)/python -m levercap.limits.compilation
	@touch $@

# The bundle and its limits need nothing of the evaluation, so the two run side by side, and so do the gate and the one
# report that is drawn from both. The evaluation gives way: the others wait for the bundle.
# On the embedded market the matrices are small, and threads of the BLAS would wait for each other longer than they
# compute; its last two months show what an evaluation looks like.
run: export SCORE_WITH := $(BUNDLE)
run: export AS_OF := $(or $(AS_OF),end)
run: export AGAINST := hs_500,garch_t
run: export REPORT :=
ifeq ($(MARKET),)
run: export OPENBLAS_NUM_THREADS := 1
run: export FROM := 2024-11-01
endif
run: setup ## the whole product: data, models, limits, report
	@$(MAKE) data validate
	@nice $(MAKE) evaluate & evaluating=$$!; \
	$(MAKE) train && $(MAKE) score; scored=$$?; \
	wait $$evaluating; evaluated=$$?; test $$scored -eq 0 || exit $$scored; \
	$(MAKE) promote & promoting=$$!; \
	test $$evaluated -eq 0 && $(MAKE) report; reported=$$?; \
	wait $$promoting && exit $$reported

data: setup ## write the simulated market and book to data/ (with MARKET: only a book on its symbols)
ifeq ($(own_book),)
	$(LEVERCAP) simulate --config $(CONFIG) $(if $(MARKET),--market $(MARKET)) --out data
endif

validate: setup ## check market, book and configuration; list every problem
	$(LEVERCAP) validate --config $(CONFIG) --market $(market) $(book)

features: setup ## write the feature table
	$(LEVERCAP) features --config $(CONFIG) --market $(market) --out $(OUT)/features.parquet

train: setup ## fit the models, write the bundle, register it as challenger
	$(LEVERCAP) train --config $(CONFIG) --market $(market) $(if $(UNTIL),--until $(UNTIL)) --out $(BUNDLE)

evaluate: setup ## walk-forward evaluation: forecasts, tails, leaderboard, report
	$(LEVERCAP) evaluate --config $(CONFIG) --market $(market) $(window) $(evaluation) --out $(OUT)/evaluation

promote: setup ## gate the challenger against the champion (a refusal is reported, the champion stays)
	$(LEVERCAP) promote --out $(OUT)/promotion || { test $$? -eq 1 && echo "The gate refused: the champion stays."; }

score: setup ## a limit for every account, from the champion
	$(LEVERCAP) score --config $(CONFIG) --bundle $(SCORE_WITH) --market $(market) $(book) $(instant) --out $(OUT)/scores

replay: setup ## daily limits of a fixed book over a period, and the policy's evidence
	$(LEVERCAP) replay --config $(CONFIG) --market $(market) $(book) $(window) --out $(OUT)/replay

report: setup ## report.html from what evaluate and score wrote
	$(LEVERCAP) report --evaluation $(OUT)/evaluation --scores $(OUT)/scores --bundle $(BUNDLE) --out $(OUT)/report.html

test: setup ## the test suite, on all cores
	$(pytest)

fuzz: setup ## the property tests with fresh examples, ten times as many
	$(pytest) -m hypothesis --hypothesis-profile fuzz

lint: setup ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup ## mypy --strict
	$(BIN)/mypy

bench: setup ## speed on this machine, appended to benchmarks/results.csv (BENCH=tiny: only shows that it runs)
	$(BIN)/python benchmarks/run.py --size $(BENCH)

clean: ## remove everything that the targets above wrote, except the environment
	rm -rf $(OUT) data/market data/book models/challenger mlruns mlflow.db
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
