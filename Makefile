# Every target sets up what it needs, once, inside this checkout. Needs Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
STAGE ?= dev
DIST ?= dist
BIN := $(VENV)/bin
UV := .venv-uv/bin/uv
LOCAL_READY := $(VENV)/.local-ready
DEV_READY := $(VENV)/.dev-ready
UV_READY := .venv-uv/.ready
FABRIC_READY := .venv-fabric/.ready
SAM_READY := .venv-sam/.ready
CHECKOV_READY := .venv-checkov/.ready
SUPPLY_READY := .venv-supply/.ready
DOCS_READY := .venv-docs/.ready
CLIENTS_READY := .venv-clients/.ready
TLA_READY := .venv-tla/.ready
APP_REQUIREMENTS := $(wildcard app/requirements.txt)
RUNTIME_REQUIREMENTS := layer/requirements.txt layer/postgres/requirements.txt $(APP_REQUIREMENTS) requirements/local.in
RUNTIME_FILES := pyproject.toml engine/pyproject.toml tools/pyproject.toml $(RUNTIME_REQUIREMENTS) requirements/local.lock

# Pin $(2), with the hashes of every platform's files, in requirements/$(1).lock; $(3): options.
define pin
$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --generate-hashes $(3) $(2) -o requirements/$(1).lock
@$(PYTHON) requirements/locked.py requirements/$(1).lock $(2)
endef

# Install $(2) in the environment $(1): by uv, in an eighth of pip's time; by pip where only its configuration names the index.
define install
@$(UV) pip install --quiet --no-deps --python $(1)/bin/python $(2) || .venv-uv/bin/python -m pip --python $(1)/bin/python install --quiet --no-compile --no-deps $(2)
endef
ENGINE := engine/pyproject.toml --extra aws
AS_DEV := -c requirements/dev.lock

WORKFLOWS := $(wildcard .github/workflows/*.yml examples/shop/.github/workflows/*.yml)
SCHEMA := .venv-supply/bin/check-jsonschema --quiet --builtin-schema vendor.
FAST_SUITES := engine/tests tools/tests/unit $(addprefix tests/,unit template statemachine contract)

unexport PYTHONDONTWRITEBYTECODE # or each process of each run compiles everything anew

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Seeded simulations go through sets: with one seed of hashes they are the same each time.
test fast-test proof soak torture: export PYTHONHASHSEED := 0

.PHONY: environments for-stack for-test for-check help dist setup demo up test example-test fast-test proof soak check fast-check lock sbom licences reference docs docs-serve bench build deploy golden sam-local-test aws-accept clone-test walk image clean torture release release-files try-files release-dry-run

help: ## show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

environments: ## set up, two at a time, all that any target needs
	@$(MAKE) --silent --jobs=2 $(DEV_READY) $(FABRIC_READY) $(CHECKOV_READY) $(SAM_READY) $(SUPPLY_READY) $(DOCS_READY) $(CLIENTS_READY) $(TLA_READY)

setup: for-stack ## install what the local stack needs

demo: for-stack ## run the whole system on real airports, and compare every row
	$(BIN)/python -m tests.demo $(ARGS)

up: for-stack ## start the local stack and keep it running
	$(BIN)/sfn-cqrs up $(ARGS)

test: for-test ## the fast checks and every test suite
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

example-test: $(DEV_READY) $(FABRIC_READY) ## the tests of examples/shop, as its own make test runs them
	cd examples/shop && $(abspath $(BIN))/sfn-cqrs check && $(abspath $(BIN))/python -m pytest -q

fast-test: $(DEV_READY) ## the suites that start no stack; VENV=.venv-3.13 PYTHON=python3.13: on another Python
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not proof and not stack" $(FAST_SUITES) $(ARGS)

# What reads only files says the same on each Python; the layer's own reads them, too.
test-on-%: ## the suites that a Python can change, on that one: make test-on-3.14
	python="$$(.ci/python $*)" && $(MAKE) VENV=.venv-$* PYTHON="$$python" \
		FAST_SUITES="engine/tests tools/tests/unit tests/unit tests/contract $(if $(filter 3.13,$*),tests/template tests/statemachine)" fast-test

proof: export DEEP := $(DEEP)
proof: $(DEV_READY) $(FABRIC_READY) $(CLIENTS_READY) $(TLA_READY) ## what explores long: whole models, every crash, many seeds; DEEP=1: for an hour more
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "proof and not alone and not torture" $(ARGS)
	$(BIN)/python -m pytest -m "proof and alone" tools/tests/console/test_size.py engine/tests/test_wheel.py

torture: $(DEV_READY) $(FABRIC_READY) ## kill everything and fill the disk at random moments, 20 times each; TORTURES=2: twice
	TORTURES=$(or $(TORTURES),20) $(BIN)/python -m pytest -m torture tools/tests/local/test_torture.py $(ARGS)

soak: export SOAK_SECONDS ?= 480
soak: $(DEV_READY) $(FABRIC_READY) ## the part of the proof that does everything at once on a bad day; SOAK_SECONDS=60: for a minute
	$(BIN)/python -m pytest -m proof tools/tests/local/test_soak.py $(ARGS)

fast-check: $(DEV_READY)
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/sfn-cqrs lint --advice --strict --template template.yaml statemachine/*.json
	$(BIN)/sfn-cqrs lint --advice --strict examples/shop/statemachine/*.json

check: for-check fast-check ## every static check: style, types, template, workflows, security
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml --append-rules cfn_lint_serverless.rules
	$(BIN)/cfn-lint examples/shop/template.yaml
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint
	$(BIN)/bandit --quiet --recursive --severity-level medium -c pyproject.toml layer/sfn_cqrs engine/sfn_local tools/sfn_cqrs_tools functions app examples/shop/app
	$(BIN)/sfn-cqrs translate --output .build/template.json
	.venv-checkov/bin/checkov --quiet --compact --skip-download --config-file .checkov.yaml --file .build/template.json
	$(SCHEMA)github-workflows $(WORKFLOWS)
	$(SCHEMA)github-actions .github/actions/*/action.yml
	$(SCHEMA)github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(SCHEMA)renovate .github/renovate.json
	.venv-supply/bin/zizmor --quiet --offline --persona pedantic .github examples/shop/.github
	$(BIN)/python requirements/audit.py

sbom: $(LOCAL_READY) ## what ships, with hashes and licences: .build/sbom.cdx.json, CycloneDX
	$(BIN)/python requirements/ships.py sbom .build/sbom.cdx.json

licences: $(LOCAL_READY) ## write docs/licences.md again, after make lock
	$(BIN)/python requirements/ships.py licences docs/licences.md

reference: $(LOCAL_READY) ## write docs/reference again: commands, Python API, HTTP API
	$(BIN)/python -m sfn_cqrs_tools.cli.reference

docs: $(LOCAL_READY) $(DOCS_READY) ## build the docs as a site in .build/site; DOCS_VERSION=1.2.0: as that version
	$(BIN)/python -m sfn_cqrs_tools.cli.reference .build/openapi.json
	.venv-docs/bin/python docs/site/build.py

docs-serve: $(LOCAL_READY) $(DOCS_READY) ## show the site at http://localhost:8000
	$(BIN)/python -m sfn_cqrs_tools.cli.reference .build/openapi.json
	.venv-docs/bin/python docs/site/build.py --serve

dist: $(UV_READY) ## build the wheels and source distributions of sfn-local, sfn-cqrs and sfn-cqrs-tools
	for folder in engine . tools; do $(UV) build --quiet --require-hashes --build-constraints requirements/engine.lock --out-dir $(DIST) $$folder || exit 1; done

release-files: $(UV_READY) $(SUPPLY_READY) ## the files of a tagged release: built twice, checked, with sums and notes; RELEASE=v1.2.0
	$(PYTHON) requirements/files.py build $(DIST)

try-files: ## install each wheel of release-files alone, and use it
	$(PYTHON) requirements/files.py try $(DIST)

release-dry-run: $(UV_READY) $(SUPPLY_READY) ## everything of a release that needs no account, in a clone: from changelogs to tried files
	$(PYTHON) requirements/files.py dry-run $(DIST)

release: ## check everything, then write VERSION=1.2.0 into the packages and changelogs, commit and tag; pushes nothing
	$(PYTHON) requirements/release.py prepare "$(VERSION)"
	$(MAKE) check test proof golden dist
	$(PYTHON) requirements/release.py tag "$(VERSION)"

build: $(LOCAL_READY) $(SAM_READY) ## sam build, without Docker; needs python3.13 on PATH
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build $(ARGS)

deploy: $(LOCAL_READY) $(SAM_READY) ## sam build, sql migrate and sam deploy; STAGE=dev, stg or prod
	DEPLOYED_WITH="$(ARGS)" SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build
	$(BIN)/sfn-cqrs sql migrate --config-env $(STAGE) --if-there
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam deploy --config-env $(STAGE) $(ARGS)
	$(BIN)/sfn-cqrs sql migrate --config-env $(STAGE)

golden: $(DEV_READY) ## keep executions as this release begins them, which later ones have to end
	PYTHONHASHSEED=0 $(BIN)/python -m tests.golden

sam-local-test: $(DEV_READY) $(SAM_READY) $(FABRIC_READY) ## sam deploy to the local fabric; sam local invoke, where Docker runs
	$(BIN)/python tests/accept/sam_local.py $(ARGS)

aws-accept: $(DEV_READY) $(FABRIC_READY) $(SAM_READY) ## deploy a project to an empty account, make fifteen checks, remove it; ARGS=--local: on this machine
	$(BIN)/python -m tests.accept $(ARGS)

clone-test: $(DEV_READY) ## one of everything new in an empty clone, and the clone's make check and make test
	$(BIN)/python -m tests.newcomer.clone

walk: $(DEV_READY) $(SAM_READY) ## from an empty folder and wheels to sam build: seconds, files and lines of each step
	$(BIN)/python -m tests.newcomer.walk

bench: $(DEV_READY) $(FABRIC_READY) ## print the tables of docs/benchmarks.md
	for name in cold models walk command cost attributes task saga import undo erase data rebuild scale fairness iam servers engine console; do $(BIN)/python tests/bench/$$name.py $(ARGS) || exit 1; done

lock: $(UV_READY) ## pin what is new in the requirements; ARGS=--upgrade: the newest of everything
	$(call pin,dev,$(RUNTIME_REQUIREMENTS) requirements/dev.in,$(ENGINE) $(ARGS))
	$(call pin,local,$(RUNTIME_REQUIREMENTS),$(ENGINE) $(AS_DEV))
	$(call pin,engine,requirements/engine.in,$(ENGINE) $(AS_DEV))
	$(call pin,image,engine/pyproject.toml,--extra aws $(AS_DEV))
	$(call pin,layer,layer/requirements.txt,$(AS_DEV))
	$(call pin,postgres,layer/postgres/requirements.txt,$(AS_DEV))
	$(if $(APP_REQUIREMENTS),$(call pin,app,$(APP_REQUIREMENTS),$(AS_DEV)))
	$(call pin,fabric,requirements/fabric.in,$(ARGS))
	$(call pin,sam,requirements/sam.in,$(ARGS))
	$(call pin,checkov,requirements/checkov.in,$(ARGS))
	$(call pin,uv,requirements/uv.in,$(ARGS))
	$(call pin,supply,requirements/supply.in,$(ARGS))
	$(call pin,docs,requirements/docs.in,$(ARGS))
	$(call pin,clients,requirements/clients.in,$(ARGS))
	$(call pin,tla,requirements/tla.in,$(ARGS))
	cd tests/newcomer/clients && npm install --package-lock-only --no-audit --no-fund --silent
	cd engine/tests/node && npm install --package-lock-only --no-audit --no-fund --silent

image: $(LOCAL_READY) ## a container image of sfn-local, without Docker; BASE=an OCI archive of python:3.x
	mkdir -p .build
	$(PYTHON) requirements/locked.py requirements/image.lock
	$(BIN)/python engine/image.py --base $(BASE) --to .build/sfn-local.tar

clean: ## remove everything that make has made
	rm -rf .venv .venv-* .aws-sam .build .sfn-cqrs

# Virtual environments are set up two at a time; all else is done in the order that it is named in.
ifeq ($(MAKELEVEL),0)
.NOTPARALLEL:
endif

for-stack:
	@$(MAKE) --silent --jobs=2 $(LOCAL_READY) $(FABRIC_READY)

for-test:
	@$(MAKE) --silent --jobs=2 $(DEV_READY) $(FABRIC_READY) fast-check example-test

for-check:
	@$(MAKE) --silent --jobs=2 $(DEV_READY) $(CHECKOV_READY) $(SAM_READY) $(SUPPLY_READY)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(UV_READY): requirements/uv.in requirements/uv.lock
	@$(PYTHON) requirements/locked.py requirements/uv.lock
	@$(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --no-deps --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

$(LOCAL_READY): $(BIN)/python $(RUNTIME_FILES) | $(UV_READY)
	@$(PYTHON) requirements/locked.py requirements/local.lock
	$(call install,$(VENV),--require-hashes -r requirements/local.lock)
	$(call install,$(VENV),--no-build-isolation --editable ./engine --editable . --editable ./tools)
	@touch $@

$(DEV_READY): $(LOCAL_READY) requirements/dev.in requirements/dev.lock
	@echo "setting up the test tools"
	@$(PYTHON) requirements/locked.py requirements/dev.lock
	$(call install,$(VENV),--require-hashes -r requirements/dev.lock)
	@touch $@

.venv-%/.ready: requirements/%.in requirements/%.lock | $(UV_READY)
	@echo "setting up .venv-$*"
	@$(PYTHON) requirements/locked.py requirements/$*.lock
	@$(PYTHON) -m venv --without-pip .venv-$*
	$(call install,.venv-$*,--require-hashes -r requirements/$*.lock)
	@touch $@
