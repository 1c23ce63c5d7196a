#!/usr/bin/env bash
# clock.sh [KERNEL]: the wall clock is set and the machine sleeps under a trace (test/hard/clock.py), in the 6.1 guest unless told.
set -euo pipefail
exec bash "$(dirname "$0")/run.sh" "${1-6.1}" -- sh -c 'ip link set lo up && exec python3 test/hard/clock.py'
