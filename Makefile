# `make help` lists what can be done here. A bench prints JSON lines alone on stdout.
#   ARGS                          more for the daemon:  make run ARGS='--http 0.0.0.0:80'
#   VIEWERS SECONDS RATE KILL     of bench-stream:      make bench-stream RATE=2500 KILL=5
#   UP RTT LOSS JITTER            the same in a network laboratory (kbit/s, ms, %, ms):
#                                                       make bench-stream RATE=2500 UP=10000 RTT=40 LOSS=0.2
#   NODES SECONDS SEED SCENARIO   of sim, with MODE, PLACEMENT and PLOT=1:
#                                                       make sim NODES=100000 SCENARIO=mass-departure
#   SETUP=no                      install nothing (not a Debian machine)
.DEFAULT_GOAL := help
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
DAEMON := $(CARGO_TARGET_DIR)/release/peerstreamd
# The browsers' network namespace needs root, of this machine or of a user namespace.
ROOT := $(if $(filter-out 0,$(shell id -u)),unshare --user --map-root-user)
STREAM := $(ROOT) cargo bench --quiet -p peerstream-browser --bench stream

.NOTPARALLEL:
.PHONY: help run build setup setup-test test check audit fuzz standby sim compare \
	bench bench-stream bench-verify bench-overlay bench-links

run: build ## install what is missing, build, and start a box with the demo source
	@$(DAEMON) run --demo $(ARGS)

build: setup ## build the page (target/page) and the daemon (target/release/peerstreamd)
	@cargo run --quiet -p peerstream-web-build >&2
	@cargo build --release -p peerstreamd

test: setup-test ## run every check and test; the last line counts them
	@.ci/test

check: setup-test ## rustfmt, clippy and rustdoc, none of which may complain
	@.ci/check

audit: ## licences, bans and sources of all dependencies (cargo deny)
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check licenses bans sources

fuzz: setup-test ## fuzz every decoder, FOR=60 seconds each
	@tests/fuzz/run.sh $(or $(FOR),60)

bench: bench-verify bench-overlay bench-stream ## all benchmarks; the stream also at RATE=2500 and with KILL=5
	@RATE=2500 $(STREAM)
	@KILL=5 $(STREAM)

bench-stream: setup-test build ## real browsers: VIEWERS=8 SECONDS=60 RATE=300 (kbit/s), KILL=5 kills one every 5 s
	@$(STREAM)

bench-verify: setup-test ## what verifying a fragment costs in WASM, at 1, 10 and 100 KB
	@cargo bench --quiet -p peerstream-bench-verify --bench verify

bench-overlay: setup-test ## joins, departures and memory of the coordinator up to a million nodes
	@cargo bench --quiet -p peerstream-overlay --bench overlay

bench-links: setup-test ## what one hop over a data channel costs in Chromium, at several losses
	@$(ROOT) cargo bench --quiet -p peerstream-netlab --bench links

sim: setup ## simulate an audience: NODES=1000 SECONDS=60 SEED=1 SCENARIO=churn; PLOT=1 draws it
	@cargo run --release -p peerstream-simulation --bin sim

compare: setup ## this overlay and three others, simulated side by side, as a table
	@MODE=compare cargo run --release -p peerstream-simulation --bin sim

standby: setup-test ## draw the standby card again (appliance/media/card)
	@appliance/media/card/make-card.sh

setup: ## install what running needs and this machine lacks
	@.ci/setup run

setup-test: ## the same for tests and benchmarks
	@.ci/setup test

help: ## this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*##/ { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
