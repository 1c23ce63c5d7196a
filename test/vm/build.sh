#!/usr/bin/env bash
# build.sh KERNEL: makes what run.sh boots, from Debian packages, in the cache; does nothing when it is there and newer than
# this script. Remove the cache to get newer packages.
set -euo pipefail
. "$(dirname "$0")/common.sh"
choose_kernel "${1-}"

MIRROR=${BINDTRACE_VM_MIRROR:-http://deb.debian.org}
HOST_PACKAGES=(qemu-system-x86 debootstrap busybox-static e2fsprogs kmod cpio xz-utils zstd debian-archive-keyring util-linux)
GUEST_PACKAGES=bpftrace,python3,iproute2,util-linux,procps,sudo,strace
# bindsnoop.sh is for this suite's bindsnoop.
[ "$root_suite" != bookworm ] || GUEST_PACKAGES+=,libbpf-tools
# What leads to the root, and what the lab wants: other devices, VRFs, and the state of one connection.
MODULES=(virtio_pci virtio_blk virtio_console virtiofs overlay ext4 veth vrf tcp_diag)

if [ -e "$vmlinuz" ] && [ "$initrd" -nt "$0" ] && [ -e "$image" ]; then exit 0; fi

step() { echo "$(date +%T) $*" >&2; }

host_tools() {
  local tool missing=
  for tool in qemu-system-x86_64 debootstrap busybox mke2fs depmod cpio xz zstd unshare; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  [ -n "$missing" ] || virtiofsd >/dev/null || missing=" virtiofsd"
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || die "missing$missing: install ${HOST_PACKAGES[*]} (and virtiofsd, where it is a package of its own)"
  step "installing$missing and what goes with it"
  {
    apt-get -o Acquire::Retries=3 update -qq
    # virtiofsd is part of QEMU's packages in Debian 12, and a package after that.
    if apt-cache show virtiofsd; then HOST_PACKAGES+=(virtiofsd); fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${HOST_PACKAGES[@]}"
  } >"$CACHE/apt.log" 2>&1 || die "apt could not install the tools: see $CACHE/apt.log"
}

sources() {
  echo "deb $MIRROR/debian $1 main"
  case $1 in bullseye | bookworm | trixie) echo "deb $MIRROR/debian-security $1-security main" ;; esac
}

# An apt of its own for another suite than the host's, so that versions and signatures are apt's business.
# The metapackage names the newest kernel; from 6.19 on its parts are packages of their own.
download_kernel() {
  local apt=$work/apt packages
  mkdir -p "$apt"/{state/lists/partial,cache/archives/partial}
  : >"$apt/status"
  sources "$kernel_suite" >"$apt/sources.list"
  cat >"$apt/apt.conf" <<-CONF
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; };
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	Acquire::Retries "3";
	Dir::Etc::SourceList "$apt/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State "$apt/state";
	Dir::State::Status "$apt/status";
	Dir::Cache "$apt/cache";
	CONF
  export APT_CONFIG=$apt/apt.conf
  apt-get update -qq
  packages=$(apt-cache depends --recurse --important --no-recommends linux-image-cloud-amd64 |
    grep -oE '^linux-(image|binary|modules)-[0-9]\S*' | sort -u)
  [ -n "$packages" ] || die "$kernel_suite has no linux-image-cloud-amd64"
  step "downloading" $packages
  mkdir "$work/debs"
  (cd "$work/debs" && apt-get download -qq $packages)
  unset APT_CONFIG
  mkdir "$work/kernel"
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/kernel"; done
  [ -e "$work/kernel/lib" ] || ln -s usr/lib "$work/kernel/lib"
}

unpacked() {
  case $1 in
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -dcq "$1" ;;
    *) cat "$1" ;;
  esac
}

# busybox and the modules, numbered in the order in which they load.
make_initrd() {
  local tree=$work/initrd release number=100 kind path
  release=$(ls "$work/kernel/lib/modules")
  depmod -b "$work/kernel" "$release"
  mkdir -p "$tree"/{bin,dev,proc,sys,modules,root}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  cp "$VM/guest/init" "$tree/init"
  cp "$VM/guest/main" "$tree/main"
  chmod +x "$tree/init"
  for module in "${MODULES[@]}"; do
    modprobe -d "$work/kernel" -S "$release" --show-depends "$module" 2>/dev/null || step "no module $module: taken as built in"
  done |
    awk '!seen[$0]++' |
    while read -r kind path _; do
      [ "$kind" = insmod ] || continue
      number=$((number + 1))
      unpacked "$path" >"$tree/modules/$number-$(basename "${path%%.ko*}").ko"
    done
  (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$work/initrd.cpio"
  cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz" 2>/dev/null || cp "$work/kernel/lib/modules/$release/vmlinuz" "$work/vmlinuz"
  mkdir -p "$(dirname "$vmlinuz")"
  mv "$work/initrd.cpio" "$initrd"
  mv "$work/vmlinuz" "$vmlinuz"
}

make_image() {
  local root=$work/root script=() attempt
  # Suites that this debootstrap is too old to know are all made like sid.
  [ -e "/usr/share/debootstrap/scripts/$root_suite" ] || script=(/usr/share/debootstrap/scripts/sid)
  step "debootstrap $root_suite"
  # A mirror that fails once is asked again.
  for attempt in 1 2 3; do
    debootstrap --variant=minbase --include="$GUEST_PACKAGES" "$root_suite" "$root" "$MIRROR/debian" "${script[@]}" \
      >"$CACHE/debootstrap-$root_suite.log" 2>&1 && break
    [ $attempt -lt 3 ] || die "debootstrap failed: $(tail -n 1 "$CACHE/debootstrap-$root_suite.log")"
    rm -rf "$root"
  done
  install -D "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
  rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/{doc,locale,man}
  mkdir -p "$root"/{repo,out}
  step "making ${image##*/}"
  mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$work/image" "$(($(du -sm --apparent-size "$root" | cut -f1) * 12 / 10 + 256))M"
  mv "$work/image" "$image"
}

mkdir -p "$CACHE"
exec 9>"$CACHE/build.lock"
flock 9
PATH=$PATH:/usr/sbin:/sbin
host_tools
[ "$(id -u)" = 0 ] || die "debootstrap needs root"
work=$(mktemp -d "$CACHE/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ ! -e "$vmlinuz" ] || [ ! "$initrd" -nt "$0" ]; then
  download_kernel
  make_initrd
fi
[ -e "$image" ] || make_image
step "built $1"
