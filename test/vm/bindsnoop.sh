#!/usr/bin/env bash
# bindsnoop.sh: in the 6.1 guest, bindsnoop -x -P 8080 of Debian's libbpf-tools and bindtrace watch the same three refused
# binds. Prints what both say; bindsnoop has to show none of the three, bindtrace all, with their blockers.
set -euo pipefail
. "$(dirname "$0")/common.sh"
out=$CACHE/out/bindsnoop
rm -rf "$out"
mkdir -p "$out"
"$VM/build.sh" 6.1
code=0
"$VM/run.sh" 6.1 --timeout 600 --out "$out" -- bash test/vm/guest/bindsnoop >"$out/bindsnoop.txt" || code=$?
echo '$ bindsnoop -x -P 8080'
cat "$out/bindsnoop.txt"
[ $code -eq 1 ] || { echo "bindsnoop.sh: bindtrace ended with $code, not 1" >&2; exit 1; }
echo
echo '$ bindtrace --hooks kernel --port 8080'
node "$REPO/dist/cli.js" replay "$out/bindtrace.jsonl.gz" || [ $? -eq 1 ]
echo
node "$VM/check-bindsnoop.mjs" "$out"
