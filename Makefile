# `make` lists the targets. Each installs what it needs where it may.

SHELL := /bin/bash
STAMPS := .stamps
TOOLS := bpftrace ip python3 setpriv unshare nsenter cc strace lsof fuser chromium jq sudo zsh fish man mandoc
PACKAGES := bpftrace iproute2 python3 util-linux gcc libc6-dev strace lsof psmisc chromium jq sudo zsh fish man-db mandoc
LAB := .cache/lab/sockets
STORM := .cache/lab/storm
COST := .cache/bench/cost
CROWD := .cache/bench/latency
ORACLE := node .cache/oracle/test/oracle/main.js
STRYKER := .cache/stryker
DUCKDB := .cache/duckdb
MINUTES ?= 10
KERNEL ?= 5.10 6.1 6.12 7
ROOT := $(shell test "$$(id -u)" = 0 && echo yes)

.DEFAULT_GOAL := help
.PHONY: help install build tools lab programs duckdb demo test fuzz bench bench-vm corpus chaos storm hard soak test-vm oracle oracle-build mutants check fix samples golden schemas screenshot man clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMPS)/npm: package.json package-lock.json
	npm ci --no-fund --no-audit
	@mkdir -p $(STAMPS) && touch $@

# bpftrace to trace with, the others for the tests; left alone where only root could install them.
$(STAMPS)/tools: Makefile | $(STAMPS)/npm
ifeq ($(ROOT),yes)
	@for tool in $(TOOLS); do command -v $$tool >/dev/null || missing=yes; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing $(PACKAGES)"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); } >$(STAMPS)/apt.log 2>&1 || \
	    echo "apt could not install them (see $(STAMPS)/apt.log): what needs them will say so"; \
	fi
	@touch $@
endif

install: $(STAMPS)/npm ## install the npm packages

tools: $(STAMPS)/tools ## install bpftrace and the test tools (root, Debian)

build: install ## compile to dist/
	@npm run --silent build

lab: $(LAB) $(STORM) ## build the program that performs socket operations as told (test/lab/sockets)

# Static, so that the guests run it too, whatever their libc is. Without a C compiler the tests that want it say so.
$(LAB): $(wildcard test/lab/sockets/*.[ch]) | $(STAMPS)/tools
	@mkdir -p $(@D)
	@if command -v $(CC) >/dev/null; then \
	  echo "building $@" && $(CC) -O2 -Wall -Wextra -Werror -static -o $@ $(filter %.c,$^); \
	else echo "no C compiler: the lab is not built"; fi

$(STORM): test/lab/storm/storm.c | $(STAMPS)/tools
	@mkdir -p $(@D)
	@if command -v $(CC) >/dev/null; then \
	  echo "building $@" && $(CC) -O2 -Wall -Wextra -Werror -static -pthread -o $@ $<; \
	else echo "no C compiler: the storm is not built"; fi

# Where one cannot be installed, this says so, and so do the tests that want it.
programs: $(STAMPS)/npm ## install the real programs of the corpus into .cache/programs (Debian, a minute and a half)
	@bash test/lab/programs/install.sh

duckdb: $(DUCKDB)/node_modules ## fetch DuckDB for the recipes in docs/recipes.md into .cache/duckdb (70 MB)

# Not among the dev dependencies: nothing else needs it, and it is nearly half of what they weigh.
$(DUCKDB)/node_modules: | $(STAMPS)/npm
	@npm install --prefix $(DUCKDB) --no-save --no-package-lock --no-fund --no-audit @duckdb/node-api@1.5.6-r.1 || \
	  echo "DuckDB could not be fetched: the recipes that need it are not run"

demo: build tools ## a real flaky restart under the trace, explained, saved, replayed and made a page
	@bash test/lab/demo.sh

test: build tools $(LAB) $(STORM) programs duckdb ## all tests; live ones need root and bpftrace
	npx vitest run

bench: build tools $(COST) $(CROWD) ## what tracing costs, how long it takes to start, to tell of a refusal, to replay, how large a trace is (root; DOC=yes: into docs/benchmarks.md)
	node test/bench/cost.mjs
	node test/bench/start.mjs
	node test/bench/latency.mjs
	node test/bench/size.mjs
	node test/bench/replay.mjs
	EVENTS=10000000 REPETITIONS=1 KINDS=plain node test/bench/replay.mjs

bench-vm: build $(COST) ## what tracing costs with the kernel hook set, in guests (root; KERNEL=6.1 for one; DOC=yes)
	bash test/vm/bench.sh $(if $(filter file,$(origin KERNEL)),6.1 7,$(KERNEL))

# Static, as the lab is.
$(COST) $(CROWD): .cache/bench/%: test/bench/%.c | $(STAMPS)/tools
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -static -o $@ $<

fuzz: build ## a million inputs that are wrong in some way, against all that reads any (RUNS=, SEED=; a quarter of an hour)
	FUZZ_RUNS=$(or $(RUNS),1010000) FUZZ_SEED=$(SEED) npx vitest run --project bindtrace test/fuzz

corpus: build tools programs ## every situation, live and replayed, as one table (root)
	npx vitest run --project bindtrace test/live/situations.test.ts test/live/programs.test.ts test/golden.test.ts

storm: build $(STORM) ## bind and close by the thousand, each seen or counted as lost (root; RATE=20000, SECONDS=60)
	STORM_RATE=$(RATE) STORM_SECONDS=$(or $(SECONDS),60) npx vitest run --project bindtrace test/live/storm.test.ts

chaos: build tools ## random life on a few ports, held against its own log (root; MINUTES=10, SEED=)
	CHAOS_MINUTES=$(MINUTES) CHAOS_SEED=$(SEED) npx vitest run --project bindtrace test/live/chaos.test.ts

hard: build tools ## hard days, a line of result for each (root; DAY=storm for one)
	@python3 test/hard/run.py $(DAY)

soak: build tools ## life under churn: memory stays flat, every refusal is reported (root; MINUTES=30)
	@unshare --net sh -c 'ip link set lo up && PYTHONDONTWRITEBYTECODE=1 exec python3 test/hard/soak.py $(MINUTES)'

test-vm: build oracle-build ## the lab with each hook set, and the rule, on stock Debian kernels in QEMU (root; KERNEL=6.1 for one)
	bash test/vm/all.sh $(KERNEL)

oracle: oracle-build ## the rule against the running kernel: all pairs, a million random operations (root; OPERATIONS=, SEED=)
	$(ORACLE) --pairs
	$(ORACLE) --advice $(if $(SEED),--seed $(SEED))
	$(ORACLE) $(if $(OPERATIONS),--operations $(OPERATIONS)) $(if $(SEED),--seed $(SEED))

oracle-build: $(LAB)
	npx tsc -p test/oracle/tsconfig.json

# Stryker beside the other packages, for the few who want it (167 packages, 65 MB); without its own vitest, so that it takes ours.
$(STRYKER)/node_modules: | $(STAMPS)/npm
	npm install --prefix $(STRYKER) --no-save --no-package-lock --no-fund --no-audit --legacy-peer-deps \
	  @stryker-mutator/core@9.6.1 @stryker-mutator/vitest-runner@9.6.1

mutants: $(STRYKER)/node_modules ## flip each condition of the rule in turn: a test must fail (minutes)
	$(STRYKER)/node_modules/.bin/stryker run test/mutants/stryker.config.json

check: install ## lint, layering and types
	npx biome check --error-on-warnings
	npx tsc -p tsconfig.json --noEmit
	npx tsc -p src/report/html/viewer/tsconfig.json --noEmit
	npx tsc -p test/tsconfig.json --noEmit

fix: install ## mend what lint can mend
	npx biome check --write

samples: build tools programs ## record the samples anew (root; those of the kernel hook set in a guest)
	bash test/vm/samples.sh
	bash test/lab/record-samples.sh

golden: build duckdb ## write anew what the samples are expected to show
	@export LC_ALL=C.UTF-8; for trace in samples/*/trace.jsonl; do \
	  node dist/cli.js replay $$trace > $${trace%trace.jsonl}report.txt || test $$? -eq 1 || exit 1; \
	  node dist/cli.js replay $$trace --json > $${trace%trace.jsonl}report.jsonl || test $$? -eq 1 || exit 1; \
	done
	@node test/docs/embed.mjs && node test/docs/recipes.mjs

schemas: build ## write schemas/ anew, from the zod schemas of what is written
	@node test/schemas/schemas.mjs

screenshot: build ## make docs/screenshot.png anew (chromium)
	node test/docs/screenshot.mjs

man: build ## write the manual page anew from the command line
	node dist/cli.js man > man/bindtrace.1

clean: ## remove what was built
	rm -rf dist $(STAMPS)
