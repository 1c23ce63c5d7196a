#!/usr/bin/env bash
# samples.sh [KERNEL]: records samples/<program>/trace.jsonl of all programs in test/lab/kernel, which only the kernel hook
# set can explain, in a guest (the newest kernel unless told). `make golden` writes what the user sees of them.
set -euo pipefail
. "$(dirname "$0")/common.sh"
kernel=${1:-7}
choose_kernel "$kernel"
out=$CACHE/out/samples
rm -rf "$out"
mkdir -p "$out"
"$VM/build.sh" "$kernel"
"$VM/run.sh" "$kernel" --timeout 1500 --out "$out" -- bash test/vm/guest/samples
for trace in "$out"/*.jsonl; do
  name=$(basename "$trace" .jsonl)
  mkdir -p "$REPO/samples/$name"
  # The header names the kernel as its distribution does; a build suffix says nothing to a reader.
  sed -E '1s/("release":"[0-9.]+)[-+][^"]*"/\1"/' "$trace" >"$REPO/samples/$name/trace.jsonl"
  echo "recorded samples/$name"
done
