#!/usr/bin/env bash
# record-samples.sh [NAME]…: records samples/<situation>/ anew from the lab programs, all or these: the trace, and what the user
# sees of it. Needs root, and for the real programs that they are installed (make programs). Each runs in a network namespace of
# its own and, so that no path of this machine is recorded, with the repository mounted on /srv and temporary files on /mnt in a
# mount namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# record NAME PORT COMMAND…
record() {
  local name=$1 port=$2 folder=samples/$1
  shift 2
  mkdir -p "$folder"
  REPORT=$report PYTHONDONTWRITEBYTECODE=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin TZ=UTC unshare --net --mount --uts bash -c '
    set -u
    hostname lab
    ip link set lo up
    mount --bind . /srv
    mount -t tmpfs none /mnt
    export TMPDIR=/mnt
    cd /srv
    trace=$1 port=$2
    shift 2
    node dist/cli.js --port "$port" --json --output "$REPORT" --save "$trace" --force -- "$@" "$port" >/dev/null 2>&1
    [ $? -le 1 ]' _ "$folder/trace.jsonl" "$port" "$@"
  node test/lab/redact-sample.mjs "$folder/trace.jsonl"
  echo "recorded $folder"
}

wanted() { [ $# -eq 1 ] || [[ " ${*:2} " == *" $1 "* ]]; }

for program in test/lab/situations/*; do
  file=$(basename "$program")
  wanted "${file%.*}" "$@" || continue
  case $file in
    *.py)
      # Some wait until bindtrace has reported.
      if grep -q "^  \"$file\",$" test/helpers/situations.ts; then patience=test/vm/guest/patiently.py; else patience=; fi
      record "${file%.*}" 8080 /usr/bin/python3 $patience "$program"
      ;;
    *.mjs) record "${file%.*}" 8080 node "$program" ;;
  esac
done
for program in test/lab/programs/*.mjs; do
  name=$(basename "$program" .mjs)
  wanted "$name" "$@" || continue
  if [ -n "$(node "$program" --missing)" ]; then
    echo "not recorded, for a program is not installed: $name"
  else
    record "$name" 45080 node "$program"
  fi
done
make golden
