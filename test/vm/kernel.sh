#!/usr/bin/env bash
# kernel.sh KERNEL: situations.sh and oracle.sh for this kernel, the second also after a failure of the first.
set -uo pipefail
. "$(dirname "$0")/common.sh"
code=0
"$VM/situations.sh" "$1" || code=1
"$VM/oracle.sh" "$1" || code=1
[ $code -eq 0 ] || echo "kernel.sh: $1 failed"
exit $code
