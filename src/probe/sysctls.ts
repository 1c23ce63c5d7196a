import { readFileSync } from "node:fs";

/** Settings that bear on bind, and those that people believe to. */
const NAMES = [
  "net.core.somaxconn",
  "net.ipv4.ip_autobind_reuse",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_nonlocal_bind",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_l3mdev_accept",
  "net.ipv4.tcp_max_tw_buckets",
  "net.ipv4.tcp_tw_reuse",
  "net.ipv6.bindv6only",
  "net.ipv6.ip_nonlocal_bind",
];

/** Current values; a setting that this kernel has not is left out. */
export function readSysctls(): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of NAMES) {
    try {
      values[name] = readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8")
        .trim()
        .replace(/\s+/g, " ");
    } catch {
      // Not in this kernel, or not in this namespace.
    }
  }
  return values;
}
