#!/usr/bin/env bash
# all.sh [KERNEL]…: situations.sh and oracle.sh for each kernel (all of them unless told), also after a failure, and then the
# table.
set -uo pipefail
. "$(dirname "$0")/common.sh"
[ $# -gt 0 ] || set -- 5.10 6.1 6.12 7
failed=
for kernel; do
  "$VM/situations.sh" "$kernel" || failed="$failed $kernel"
  "$VM/oracle.sh" "$kernel" || failed="$failed oracle-$kernel"
done
node "$VM/table.mjs" "$CACHE/out/results.jsonl" || failed="$failed table"
[ -z "$failed" ] || { echo "all.sh: failed:$failed" >&2; exit 1; }
