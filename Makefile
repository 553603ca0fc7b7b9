# One command per purpose; `make` lists them. Needs make, a Python of 3.11 to 3.14 and a package index.

# The environment that is there, cpu if there is none; `make env ACCEL=cuda12` changes it.
ACCEL ?= $(patsubst .venv/%.lock,%,$(firstword $(wildcard .venv/*.lock) .venv/cpu.lock))
PYTHON ?=
PRESET ?= smoke
CORES ?= all
ARGS =
CASE =
FILE =
UPGRADE =

BIN = .venv/bin
# The jobs of the workflow call `python`.
SNAKEMAKE = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --configfile config/$(PRESET).yaml

.DEFAULT_GOAL = help
.NOTPARALLEL:
.PHONY: help env figures plan status audit verify test slurm-test bench check check-format check-lint check-snakefmt check-types check-workflow check-rooms \
    format lock clean clean-env

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1 \t/p' Makefile | while IFS='	' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

env: ## install the locked packages into .venv (ACCEL=cuda12 for GPUs, PYTHON=python3.12 to choose a Python)
	@cmp -s envs/$(ACCEL).txt .venv/$(ACCEL).lock || sh envs/install.sh "$(ACCEL)" "$(PYTHON)"

figures: env ## make the figures and tables of a preset (PRESET=smoke, CORES=all)
	@closing=$$($(BIN)/python -m workflow_src where config/$(PRESET).yaml) || exit 1; \
	if [ -t 2 ]; then set -- --logger rich; else set -- --quiet host reason; fi; \
	began=$$(date +%s); \
	$(SNAKEMAKE) --no-hooks --cores $(CORES) "$$@" || { \
		status=$$?; $(BIN)/python -m workflow_src failed --since $$began >&2; exit $$status; }; \
	echo "$$closing"

plan: env ## say what a run will cost before it starts: of the paper preset (PRESET=laptop for another, ARGS=figure2)
	@$(BIN)/python -m workflow_src plan $(if $(filter file,$(origin PRESET)),,--preset config/$(PRESET).yaml) $(ARGS)

status: env ## say how far running jobs are (ARGS=paper for one preset, ARGS="--watch 10")
	@$(BIN)/python -m workflow_src status $(ARGS)

audit: env ## say where a result comes from and check every link (FILE=results/smoke/figures/figure2.pdf, ARGS=--strict)
	@$(if $(FILE),,echo "error: FILE= names no result; give a file or a folder of results" >&2; exit 1;) \
	$(BIN)/python -m workflow_src audit "$(FILE)" $(ARGS)

verify: env ## make results again and compare (PRESET=smoke, ARGS="--data --figures --sample 2 --seed 1")
	@$(BIN)/python -m workflow_src verify --preset config/$(PRESET).yaml $(or $(ARGS),--data --figures)

test: env ## run the tests (ARGS="-k deer" for some of them)
	@$(BIN)/python -m pytest -n 2 -m "not slurm" $(ARGS)

slurm-test: env ## run the pipeline on a Slurm of its own, and disturb it (as root; 40 minutes; ARGS='-m "slurm and not slow"' for a part)
	@$(BIN)/python -m pytest -m slurm $(ARGS) tests/slurm

bench: env ## measure the solvers side by side and show the table (CASE=embedded_m10 for one case, ARGS="--repeats 5")
	@$(BIN)/python -m benchmarks.compare $(if $(CASE),--case $(CASE),--rows) $(ARGS)
	@$(BIN)/python -m benchmarks.table

check: check-format check-lint check-snakefmt check-types check-workflow check-rooms ## check style, types, imports and workflow

check-format: env
	$(BIN)/ruff format --check .

check-lint: env
	$(BIN)/ruff check .

check-snakefmt: env
	$(BIN)/snakefmt --check Snakefile rules

check-types: env
	$(BIN)/basedpyright

check-workflow: env
	$(BIN)/python tests/workflow/lint.py

check-rooms: env
	$(BIN)/lint-imports

format: env ## format Python and Snakemake files
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/snakefmt Snakefile rules

lock: env ## pin the dependencies of pyproject.toml anew (UPGRADE=--upgrade for newer versions)
	@$(BIN)/python envs/lock.py $(UPGRADE)

clean: ## remove the smoke preset's results and all caches
	@rm -rf results/smoke .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

clean-env: ## remove .venv
	@rm -rf .venv
