#!/usr/bin/env bash
# Records samples/<situation>/ anew from the lab programs: the trace, and what the user sees of it.
# Needs root. Each runs in a network namespace of its own and, so that no path of this machine is recorded,
# with the repository mounted on /srv in a mount namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=8080
report=$(mktemp)
trap 'rm -f "$report"' EXIT
for program in test/lab/situations/*; do
  file=$(basename "$program")
  name=${file%.*}
  case $file in
    *.py)
      interpreter=/usr/bin/python3
      # Some wait until bindtrace has reported.
      if grep -q "^  \"$file\",$" test/helpers/situations.ts; then interpreter+=' test/vm/guest/patiently.py'; fi
      ;;
    *.mjs) interpreter=node ;;
    *) continue ;;
  esac
  folder=samples/$name
  mkdir -p "$folder"
  REPORT=$report PYTHONDONTWRITEBYTECODE=1 unshare --net --mount --uts bash -c '
    set -u
    hostname lab
    ip link set lo up
    mount --bind . /srv
    cd /srv
    TZ=UTC node dist/cli.js --port "$1" --json --output "$REPORT" --save "$2" --force -- $3 "$4" "$1" >/dev/null 2>&1
    [ $? -le 1 ]' _ "$port" "$folder/trace.jsonl" "$interpreter" "test/lab/situations/$file"
  # The header names the kernel as its distribution does; a private build suffix says nothing to a reader.
  sed -i -E '1s/("release":"[0-9.]+)-[^"]*"/\1"/' "$folder/trace.jsonl"
  echo "recorded $folder"
done
make golden
