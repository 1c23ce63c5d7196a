#!/usr/bin/env bash
# oracle.sh KERNEL: holds the bind rule against this kernel: the table of all pairs, advice carried out, random operations
# (OPERATIONS, 20,000 unless told), and bindtrace check. The kernel's answers to the pairs are left in the cache, under
# out/oracle, as test/fixtures/pairs has them.
set -euo pipefail
. "$(dirname "$0")/common.sh"
choose_kernel "${1-}"
cd "$REPO"
out=$CACHE/out/oracle
mkdir -p "$out"
"$VM/build.sh" "$1"
oracle=".cache/oracle/test/oracle/main.js"
# One processor: the lab keeps to one anyway, and the emulation of another only takes from it.
"$VM/run.sh" "$1" --cpus 1 --timeout 1500 --out "$out" -- \
  sh -c "node $oracle --pairs --record /out/$1.json && node $oracle --advice --failures 300 && node $oracle --operations ${OPERATIONS:-20000} && test/vm/guest/check"
