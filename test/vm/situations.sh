#!/usr/bin/env bash
# situations.sh KERNEL [argument of bindtrace…]: all of test/lab/situations in a guest, traced by one bindtrace, since it
# takes a minute to start there; then each failure against the ground truth.
set -euo pipefail
. "$(dirname "$0")/common.sh"
choose_kernel "${1-}"
kernel=$1
shift
out=$CACHE/out/$kernel
rm -rf "$out"
mkdir -p "$out"
"$VM/build.sh" "$kernel"
code=0
"$VM/run.sh" "$kernel" --timeout 900 --out "$out" -- \
  sh -c 'exec node dist/cli.js --port 8080 --json --output /out/report.jsonl --save /out/trace.jsonl.gz "$@" -- bash test/vm/guest/situations >/out/truth.txt' \
  sh "$@" || code=$?
[ $code -eq 1 ] || { echo "situations.sh: bindtrace ended with $code, not 1" >&2; exit 1; }
node "$VM/check-situations.mjs" "$out"
