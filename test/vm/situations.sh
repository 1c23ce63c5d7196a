#!/usr/bin/env bash
# situations.sh KERNEL [HOOKS]…: boots this kernel once, and in it, for each hook set, runs the lab under one bindtrace, which
# takes a minute to start there; then compares each failure with the ground truth. HOOKS: tracepoint, fentry, kprobe (all
# three unless told), or without=NAME, the kernel hook set without that probe.
set -euo pipefail
. "$(dirname "$0")/common.sh"
choose_kernel "${1-}"
kernel=$1
shift
[ $# -gt 0 ] || set -- tracepoint fentry kprobe
cd "$REPO"
for hooks; do choose_hooks "$hooks"; done
out=$CACHE/out/$kernel
rm -rf "$out"
mkdir -p "$out"
code=0
"$VM/build.sh" "$kernel" &&
  "$VM/run.sh" "$kernel" --timeout $(($# * HOOKS_SECONDS + 60)) --out "$out" -- bash test/vm/guest/hooks "$@" || code=$?
[ $code -eq 0 ] || echo "situations.sh: no guest, or it ended early: code $code" >&2
for hooks; do
  choose_hooks "$hooks"
  echo "kernel $kernel, ${options[*]}"
  node "$VM/check-situations.mjs" "$out" "$kernel" "$hooks" "$label" "${programs[@]}" || code=1
done
[ $code -eq 0 ]
