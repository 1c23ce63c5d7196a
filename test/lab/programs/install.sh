#!/bin/bash
# Installs the real programs of the corpus (README.md) into .cache/programs, and nothing anywhere else: npm packages by
# the lock file beside this, three Node versions, and Debian packages, which are unpacked without running their scripts, so
# that no service is started or enabled. What is there already is left alone. Says in one line what could not be had.
set -u
here=$(cd "$(dirname "$0")" && pwd)
to=$here/../../../.cache/programs
mkdir -p "$to"
cd "$to" || exit 1
to=$PWD
log=$to/install.log
: >"$log"
missing=()

# What a stamp says is installed: the lock file, or a list.
is_current() { cmp -s "$1.wanted" "$1.installed"; }
done_with() { mv "$1.wanted" "$1.installed"; }

# npm packages. None of them needs its install script.
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" .
cp package-lock.json npm.wanted
if ! is_current npm; then
  echo "installing npm packages"
  if npm ci --ignore-scripts >>"$log" 2>&1; then done_with npm; else missing+=("the npm packages"); fi
fi

# Node binaries: node-linux-ARCH is what the install script of the npm package node fetches.
for version in 22.23.3 24.21.0 26.10.0; do
  folder=node${version%%.*}
  package=node-linux-$(node -p process.arch)
  echo "$package@$version" >"$folder.wanted"
  is_current "$folder" && continue
  echo "installing Node $version"
  rm -rf "$folder"
  if npm install --prefix "$folder" --no-save --no-package-lock --ignore-scripts "$package@$version" >>"$log" 2>&1; then
    # Of 185 MB, what is needed.
    mkdir "$folder/bin" && mv "$folder/node_modules/$package/bin/node" "$folder/bin/" && rm -rf "$folder/node_modules"
    done_with "$folder"
  else missing+=("Node $version"); fi
done

# Debian packages with those of their dependencies that this machine lacks.
whole() {
  apt-get install --download-only --reinstall --no-install-recommends -y -qq \
    -o Debug::NoLocking=1 -o Dir::Cache::archives="$archives" "$1" &&
    find "$archives" -name '*.deb' -exec dpkg-deb -x {} debian \;
}
# Of the 36 MB of docker.io, one program, which runs alone.
docker_proxy() {
  (cd "$archives" && apt-get download -qq docker.io) &&
    dpkg-deb --fsys-tarfile "$archives"/docker.io_*.deb | tar x -C debian ./usr/sbin/docker-proxy
}
get() {
  mkdir -p debian "$archives/partial"
  if [ "$1" = docker.io ]; then docker_proxy; else whole "$1"; fi >>"$log" 2>&1
  local status=$?
  rm -rf "$archives"
  return $status
}
archives=$to/archives
debian=(nginx gunicorn haproxy redis-server uvicorn socat docker.io)
command -v systemd-socket-activate >/dev/null || debian+=(systemd)
printf '%s\n' "${debian[@]}" >debian.wanted
if ! is_current debian; then
  echo "unpacking Debian packages"
  rm -rf debian
  before=${#missing[@]}
  updated=
  update() { [ -z "$updated" ] && updated=yes && apt-get update -qq >>"$log" 2>&1; }
  for package in "${debian[@]}"; do
    get "$package" || { update && get "$package"; } || missing+=("$package")
  done
  [ ${#missing[@]} -eq "$before" ] && done_with debian
fi

rm -f ./*.wanted
if [ ${#missing[@]} -gt 0 ]; then
  list=$(printf ', %s' "${missing[@]}")
  echo "could not install ${list:2} (see .cache/programs/install.log): the scenarios that need them are skipped"
fi
