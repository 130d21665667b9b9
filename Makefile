# The commands of the README. `make` lists them; what is longer than a few lines is a script in tests/.
#
# CARGO_TARGET_DIR is respected; the local cluster and the tools live in ~/.cache/mcp-operator.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint drift bless image clean

CARGO_TARGET_DIR ?= $(CURDIR)/target
OPERATOR := $(CARGO_TARGET_DIR)/debug/mcp-operator
CLUSTER_TOOL := tests/cluster/cluster
# The tests that compare a checked-in file with what the code generates. Each writes the file when BLESS is set.
GENERATED := current_ examples_

help: ## List these commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'

setup: ## Install what is missing on this machine; at once when nothing is
	@tests/setup

build: setup ## Build the operator and the authors' tool
	cargo build --workspace

demo: setup ## Watch a real server become Ready on a real cluster, change and go (KEEP=1: the cluster stays; CLUSTER=current: use yours)
	@tests/demo

test: setup ## Run every test, cluster tests included
	@$(CLUSTER_TOOL) build
	@$(CLUSTER_TOOL) images
	cargo build --workspace
	cargo test --workspace

lint: ## Check formatting, clippy, docs, scripts and dependencies; warnings are errors
	@tests/lint

drift: ## Check that generated files are what the code generates
	@tests/drift

bless: ## Write the generated files anew: CRD, install.yaml, golden files
	@tests/drift --bless

image: build ## Make the operator's image as an archive; prints its path
	@$(CLUSTER_TOOL) image-operator $(OPERATOR)

clean: ## Remove what cargo built; the local cluster's cache stays (its path: make help)
	cargo clean
