#!/usr/bin/env bash
# bench.sh [KERNEL]…: in a guest of each (6.1 and 7 unless told), what a trace costs others there, with the kernel hook set by
# fentry and by kprobe, beside strace and bindsnoop; then the tables.
set -euo pipefail
. "$(dirname "$0")/common.sh"
[ $# -gt 0 ] || set -- 6.1 7
for kernel; do
  choose_kernel "$kernel"
  out=$CACHE/out/bench-$kernel
  rm -rf "$out"
  mkdir -p "$out"
  "$VM/build.sh" "$kernel"
  "$VM/run.sh" "$kernel" --timeout 3000 --out "$out" -- bash test/vm/guest/bench "bindtrace --hooks fentry" "bindtrace --hooks kprobe" bindsnoop strace
  node "$REPO/test/bench/guest.mjs" "$kernel" "$out/cost.json"
done
