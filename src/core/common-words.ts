/**
 * Words that a redacted trace may show: names of programs that half the world runs, and of their options, by which notes and
 * kinship know what a process is. They tell nothing of whose machine it was. Every other word is replaced.
 */
const COMMON: ReadonlySet<string> = new Set(
  [
    // Shells, sessions, what starts other programs (kinship.ts).
    "sh bash dash zsh fish ksh mksh ash tcsh csh busybox nu pwsh tmux tmux: screen sshd sshd: sshd-session login su sudo",
    "systemd (systemd) init (sd-pam) tini docker-init dumb-init catatonit s6-svscan runsvdir cron crond atd env timeout setpriv make",
    "containerd containerd-shim containerd-shim-runc-v2 conmon dockerd docker podman runc crun kubelet docker-proxy rootlessport",
    "slirp4netns pasta systemd-socket- systemd-socket-activate systemd-socket-proxyd systemd-resolved systemd-resolve supervisord",
    // Interpreters and what runs in them.
    "node nodejs bun deno python pypy ruby perl php lua luajit java dotnet beam.smp MainThread SignalInspector npm npx yarn pnpm corepack",
    "nodemon ts-node-dev tsnd tsx next next-server nest webpack vite air cargo-watch watchexec pm2 PM2 cluster cli dist node_modules",
    "gunicorn gunicorn: uvicorn uvicorn: hypercorn daphne flask django-admin manage.py celery unicorn unicorn_rails puma puma: rails",
    "php-fpm php-fpm: bundle rackup cargo go mvn gradle",
    // Servers, and what takes part in tests.
    "nginx nginx: apache2 httpd haproxy caddy traefik envoy redis-server redis-check-rdb valkey-server memcached postgres mysqld mariadbd",
    "mongod rabbitmq-server dnsmasq named unbound squid varnishd stunnel nc ncat netcat socat curl wget ss lsof cat sleep tail tee true false",
    // Words of titles, commands and options that notes-programs.ts and notes-servers.ts look for.
    "master worker process cache manager loader pool dev start stop restart serve server watch run test build daemon off; -c -g -e -m -r",
    "--user --watch --watch-path --watch-preserve-output -w --inspect --inspect-brk --inspect-wait --inspect-port --debug-port",
    "--multiprocessing-fork -container-ip -container-port -host-ip -host-port -proto --container-ip --container-port --host-ip --host-port",
    "--proto tcp udp --port -p --host --bind -b --listen -l --workers --reload",
    "fork_mode cluster_mode",
  ].flatMap((line) => line.split(" ")),
);

/** `python3.11`, `php-fpm8.2`, `-bash`; `unicorn worker[3]`. */
const AFFIXES = /^-?(.+?)(?:\d{0,2}(?:\.\d{1,3}){0,2}|\[\d{1,3}\])$/;

export const isCommon = (word: string) => COMMON.has(word) || COMMON.has(AFFIXES.exec(word)?.[1] ?? word);

/** Folders that every machine has. */
const FOLDERS = [
  "",
  ".",
  "..",
  "/bin",
  "/sbin",
  "/usr/bin",
  "/usr/sbin",
  "/usr/local/bin",
  "/usr/local/sbin",
  "/usr/lib/systemd",
  "/lib/systemd",
];
export const isCommonFolder = (path: string) => FOLDERS.includes(path);

/** Parts of a kernel's release that distributions give. */
const FLAVOURS =
  /^(?:\d{1,4}|rc\d+|x86|64|amd64|arm64|aarch64|generic|cloud|rt\d*|lts|azure|aws|gcp|oracle|kvm|raspi|lowlatency|hwe|virt|linuxkit|microsoft|standard|WSL2|el\d+|fc\d+|amzn\d+|arch\d*|zen\d*|MANJARO|hardened|default|pve|bpo\d*|deb\d+u?\d*|unsigned|nixos)$/;
export const isFlavour = (part: string) => FLAVOURS.test(part);
