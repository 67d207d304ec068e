# The six things to do here. `make` lists them.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/admin/target
export ADMIN_DATA_DIR ?= $(CURDIR)/admin-data

.DEFAULT_GOAL := help
.PHONY: help dev test fuzz bench demo

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: ## Build, and run Admin with its data in ./admin-data; prints a link to sign in
	@scripts/install.sh build
	cargo build --locked --package admin
	$(CARGO_TARGET_DIR)/debug/admin serve --sign-in-link

test: ## Check the format, the lints and the tree; run all tests on SQLite and PostgreSQL
	@scripts/install.sh build test
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo nextest run --locked --workspace --no-tests=fail

fuzz: ## Hold lists against Cedar's own decisions, with new seeds for FUZZ_SECONDS (60)
	@scripts/install.sh build test
	./scripts/fuzz.sh

bench: ## Measure, and print how Admin compares
	@scripts/install.sh build
	./bench/run.sh

demo: ## Fill Admin with the atlas: countries, subdivisions, airports
	@scripts/install.sh build
	cargo build --locked --package admin
	ADMIN_BINARY=$(CARGO_TARGET_DIR)/debug/admin ./examples/atlas/load.sh
