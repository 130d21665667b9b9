# The commands of the README. `make` lists them; what is longer than a few lines is a script in tests/.
#
# CARGO_TARGET_DIR is respected. The local cluster and the tools are built once, into ~/.cache/mcp-operator.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup build release plugins templates demo transitions test lint drift bless bench limits image clean
.PHONY: fmt clippy doc alone scripts deny readme

CARGO_TARGET_DIR ?= $(CURDIR)/target
OPERATOR := $(CARGO_TARGET_DIR)/debug/mcp-operator

help: ## List these commands
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup: ## Install what is missing on this machine; at once when nothing is
	@tests/setup

# All targets, everywhere: tests switch on features of dependencies, which would be compiled twice.
build: setup ## Build the operator, the authors' tool and the tests
	cargo build --workspace --all-targets

plugins: build ## Build the plugins in plugins/ to target/plugins/NAME.wasm, and run their tests and golden cases
	@tests/plugins

templates: build ## Begin a plugin in each language with mcp-render new, then build, test and check it
	@tests/templates

demo: setup ## Watch a real server on a real cluster from creation to deletion (KEEP=1: it stays; CLUSTER=current: on yours)
	@python3 -B tests/demo

transitions: setup ## Watch every state that a real server goes through, from step to step (KEEP=1 and CLUSTER=current as above)
	@python3 -B tests/demo transitions

# The cluster is built first: here it says how far it is.
test: plugins templates ## Run every test, those on a real cluster included
	@tests/cluster/cluster build
	@tests/cluster/cluster images
	cd tests/cluster/workloads && go test ./...
	cargo test --workspace

lint: fmt clippy doc scripts deny ## Check formatting, code, docs, scripts and dependencies; warnings are errors

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Each crate that somebody builds alone, without the features that others in the workspace switch on.
alone:
	for crate in mcp-operator mcp-render-plugin guest-default; do cargo check --package "$$crate" || exit; done

scripts:
	@tests/setup --lint
	shellcheck -x -P tests tests/setup tests/deny tests/plugins tests/readme tests/templates tests/tutorial .ci/run
	cd tests/cluster && shellcheck -a cluster lib/inside.sh

deny:
	@tests/setup --lint
	tests/deny

drift: build ## Check that the generated files in deploy/ are what the code generates
	for kind in mcpservers renderplugins; do $(OPERATOR) crd $$kind | diff deploy/crds/$$kind.yaml - || exit; done
	$(OPERATOR) install | diff deploy/install.yaml -

bless: ## Write every generated and golden file anew; look at `git diff` then
	BLESS=1 cargo test --package mcp-operator
	git status --short

# Without tables for unwinding, as the profile ends at a panic. The operator's relocations are packed where the C library of this
# machine, which its image gets, can read that (glibc 2.36); mcp-render runs on what people have.
PACKED = $(shell getconf GNU_LIBC_VERSION | awk '{ split($$2, v, "."); if (v[1] * 1000 + v[2] >= 2036) print "-C link-arg=-Wl,-z,pack-relative-relocs" }')
release: export RUSTFLAGS = -C force-unwind-tables=no
release: setup ## Build mcp-operator and mcp-render as they are shipped, to target/dist/; some minutes the first time
	cargo build --profile dist --package mcp-operator --bin mcp-render
	cargo rustc --profile dist --package mcp-operator --bin mcp-operator -- $(PACKED)

bench: plugins release ## Measure everything that docs/performance.md tells, and write its tables and plots; nothing else should run
	cargo bench --package benchmarks --bench render
	cargo build --release --package benchmarks --bins
	$(CARGO_TARGET_DIR)/release/load --programs $(CARGO_TARGET_DIR)/dist --docs docs

limits: build ## Hold requests, memory and sizes against benches/limits.json
	$(CARGO_TARGET_DIR)/debug/load --limits benches/limits.json

# The commands of the README that no other target has, and those of docs/first-plugin.md.
readme: build
	tests/readme
	tests/tutorial

image: release ## Make the operator's image, an archive; prints its path
	@tests/cluster/cluster image-operator $(CARGO_TARGET_DIR)/dist/mcp-operator

clean: ## Remove what cargo built; ~/.cache/mcp-operator stays
	cargo clean
