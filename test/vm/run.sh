#!/usr/bin/env bash
# run.sh KERNEL [options] -- COMMAND ARGUMENT…
# Boots this kernel and runs the command in it, as root, in /repo, with its stdout, stderr and exit code.
#   --timeout SECONDS  for boot and command (600); exit code 124 when it is over
#   --out FOLDER       this folder of the host is /out in the guest, and what is written there stays
#   --tracefs          with tracefs mounted
#   --memory MB        (2048)
#   --cpus COUNT       (2)
#   --console          print what the kernel said, when the guest is gone
# Exit code 125: no guest, or it died before the command ended; the end of its console is on stderr.
set -euo pipefail
. "$(dirname "$0")/common.sh"
choose_kernel "${1-}"
shift

limit=600 out='' memory=2048 cpus=2 console='' parameters=''
while [ $# -gt 0 ]; do
  case $1 in
    --timeout) limit=$2 && shift 2 ;;
    --out) out=$(realpath "$2") parameters+=' vm.out' && shift 2 ;;
    --tracefs) parameters+=' vm.tracefs' && shift ;;
    --memory) memory=$2 && shift 2 ;;
    --cpus) cpus=$2 && shift 2 ;;
    --console) console=yes && shift ;;
    --) shift && break ;;
    *) die "unknown option $1" ;;
  esac
done
[ $# -gt 0 ] || die "no command"
for file in "$vmlinuz" "$initrd" "$image"; do [ -e "$file" ] || die "$file is missing: run build.sh first"; done

work=$(mktemp -d)
children=()
finish() {
  trap '' INT TERM HUP
  if [ ${#children[@]} -gt 0 ]; then
    kill "${children[@]}" 2>/dev/null || true
    wait "${children[@]}" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# A helper in the background that ends with this script, even when that is killed.
start() {
  setpriv --pdeathsig TERM -- "$@" &
  children+=($!)
}

# share TAG FOLDER: makes a folder of the host mountable in the guest, and adds to `devices`.
share() {
  local daemon options=()
  daemon=$(virtiofsd) || die "no virtiofsd: run build.sh first"
  case $daemon in
    /usr/lib/qemu/*) options=(-f --socket-path="$work/$1.sock" -o "source=$2" -o cache=always) ;;
    *) options=(--socket-path="$work/$1.sock" --shared-dir="$2" --cache=always) ;;
  esac
  start "$daemon" "${options[@]}" >"$work/$1.log" 2>&1
  for _ in {1..500}; do
    if [ -S "$work/$1.sock" ]; then break; fi
    sleep 0.01
  done
  [ -S "$work/$1.sock" ] || die "virtiofsd did not start: $(tail -n 3 "$work/$1.log")"
  devices+=(-chardev "socket,id=$1,path=$work/$1.sock" -device "vhost-user-fs-pci,chardev=$1,tag=$1")
}

# port NAME FILE: a serial port of the guest that writes to this file.
port() {
  devices+=(-chardev "file,id=$1,path=$2,append=on" -device "virtserialport,chardev=$1,name=$1")
}

devices=(-drive "file=$image,format=raw,if=none,id=root,snapshot=on,cache=unsafe" -device virtio-blk-pci,drive=root)
share repo "$REPO"
[ -z "$out" ] || share out "$out"

# QEMU opens these by path for writing only, which would fail for a terminal's or a socket's other descriptor: hence cat.
exec 7> >(exec cat)
relays=($!)
exec 8> >(exec cat >&2)
relays+=($!)
devices+=(-device virtio-serial-pci)
port stdout /dev/fd/7
port stderr /dev/fd/8
port code "$work/code"

# The command comes as a second archive behind the initrd.
printf '%q ' "$@" >"$work/command"
(cd "$work" && echo command | cpio -o -H newc --quiet) | cat "$initrd" - >"$work/initrd"

# thread=single and -cx16: QEMU 7.2 mistranslates kernel text that is patched meanwhile, and cmpxchg16b (README.md).
started=${#children[@]}
start timeout --kill-after=5 "$limit" nice qemu-system-x86_64 \
  -nodefaults -no-user-config -display none -no-reboot \
  -accel tcg,thread=single,tb-size=512 -cpu max,-cx16 -smp "$cpus" \
  -m "$memory" -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -machine pc,memory-backend=memory \
  -kernel "$vmlinuz" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic nokaslr mitigations=off$parameters" \
  -serial "file:$work/console" "${devices[@]}" \
  </dev/null >"$work/qemu.log" 2>&1
ended=0
wait "${children[started]}" || ended=$?
unset "children[started]"
exec 7>&- 8>&-
wait "${relays[@]}" || true

[ -z "$console" ] || cat "$work/console" >&2
if [ -s "$work/code" ]; then exit "$(cat "$work/code")"; fi
[ $ended -ne 124 ] || { echo "run.sh: time limit of $limit s" >&2; exit 124; }
{ echo "run.sh: the guest ended without an exit code; its last words:"; tail -n 40 "$work/console" "$work"/*.log; } >&2
exit 125
