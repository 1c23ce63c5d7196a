# What the scripts here and in guest/ agree on; they source it.

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$VM/../.." && pwd)
CACHE=${BINDTRACE_VM_CACHE:-$REPO/.cache/vm}

# Debian suite that the kernel comes from, and the one that everything else in the guest comes from.
declare -A KERNEL_SUITE=([5.10]=bullseye [6.1]=bookworm [6.12]=trixie [7]=forky)
# bookworm's bpftrace cannot read the BTF of 5.10, so that kernel gets trixie's.
declare -A ROOT_SUITE=([5.10]=trixie [6.1]=bookworm [6.12]=trixie [7]=forky)

die() {
  echo "${0##*/}: $*" >&2
  exit 125
}

# Sets the paths in the cache of one kernel.
choose_kernel() {
  [ -n "${KERNEL_SUITE[${1:-none}]-}" ] || die "usage: ${0##*/} KERNEL …, KERNEL one of: ${!KERNEL_SUITE[*]}"
  kernel_suite=${KERNEL_SUITE[$1]}
  root_suite=${ROOT_SUITE[$1]}
  vmlinuz=$CACHE/$1/vmlinuz
  initrd=$CACHE/$1/initrd
  image=$CACHE/$root_suite.ext4
}

# Time limit of one bindtrace with everything in it: two minutes to start, ten seconds a program on a busy machine.
HOOKS_SECONDS=900

# choose_hooks HOOKS: the bindtrace options, the programs of the lab that this hook set can see, and a label. HOOKS is
# tracepoint, fentry or kprobe, or without=NAME for the kernel hook set without that probe.
choose_hooks() {
  label=$1
  options=(--hooks "$1")
  programs=(test/lab/situations/*.{py,mjs})
  case $1 in
    tracepoint) ;;
    fentry | kprobe) programs+=(test/lab/kernel/*.py) ;;
    without=?*)
      label=kernel-without
      options=(--hooks kernel --without-probe "${1#without=}")
      ;;
    *) die "no hook set $1" ;;
  esac
}

# Path of the host's virtiofsd.
virtiofsd() {
  local path
  for path in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
    if [ -x "$path" ]; then echo "$path" && return; fi
  done
  return 1
}
