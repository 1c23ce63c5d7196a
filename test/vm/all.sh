#!/usr/bin/env bash
# all.sh [KERNEL]…: kernel.sh for each kernel (all of them unless told), and then the table. As many guests at once as there are
# processors, since the emulation of one takes one; what each printed comes when it is done.
set -uo pipefail
. "$(dirname "$0")/common.sh"
[ $# -gt 0 ] || set -- 5.10 6.1 6.12 7
failed=
for kernel; do "$VM/build.sh" "$kernel" || failed=yes; done
mkdir -p "$CACHE/out"
export VM CACHE
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c '
  echo "kernel {}: running, $CACHE/out/{}.log says how far"
  "$VM/kernel.sh" {} >"$CACHE/out/{}.log" 2>&1
  code=$?
  cat "$CACHE/out/{}.log"
  exit $code' || failed=yes
node "$VM/table.mjs" "$CACHE/out/results.jsonl" || failed=yes
[ -z "$failed" ] || { echo "all.sh: failed" >&2; exit 1; }
