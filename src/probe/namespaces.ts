import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

/** How the path of a namespace ends that a process is in. */
const IN_PROC = /\/ns\/net$/;

/** A network namespace that some process is in, or that is mounted. */
export interface NetworkNamespace {
  /** Inode of the namespace: what `ip netns identify` and `lsns` print. */
  id: number;
  /** A path that leads into it. */
  path: string;
}

/** A folder of tables like /proc/self/net, of this network namespace; null where no process is in it. `likely`: processes that may be. */
export function tablesOf(netns: number, likely: readonly number[]): string | null {
  const pid = likely.find((one) => namespaceId(`/proc/${one}/ns/net`) === netns);
  if (pid !== undefined) return `/proc/${pid}/net`;
  const path = networkNamespaces().find(({ id }) => id === netns)?.path;
  return path !== undefined && IN_PROC.test(path) ? path.replace(IN_PROC, "/net") : null;
}

/** Namespace that a path like /proc/1/ns/net leads to, or null. */
export function namespaceId(path: string): number | null {
  try {
    const match = /^net:\[(\d+)\]$/.exec(readlinkSync(path));
    return match ? Number(match[1]) : null;
  } catch {
    return null;
  }
}

/** The same of a path that may also be a mount point, as `ip netns add` makes them in /run/netns. */
export function namespaceAt(path: string): number | null {
  return namespaceId(path) ?? mountedAt(path);
}

/** A namespace that is mounted; the last one is on top. */
function mountedAt(path: string): number | null {
  try {
    const place = realpathSync(path);
    return mounted().findLast((mount) => mount.path === place)?.id ?? null;
  } catch {
    return null;
  }
}

/** Mounted namespaces have their name where other mounts have their root, and blanks and the like in octal (proc(5), mountinfo). */
function mounted(): NetworkNamespace[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .flatMap(([, , , root = "", place = ""]) => {
      const id = Number(/^net:\[(\d+)\]$/.exec(root)?.[1]);
      const path = place.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
      return id ? [{ id, path }] : [];
    });
}

/** Every network namespace that a process is in, this one first, and every other one that is mounted here. */
export function networkNamespaces(): NetworkNamespace[] {
  const found = new Map<number, string>();
  for (const entry of ["self", ...readdirSync("/proc").filter((name) => /^\d+$/.test(name))]) {
    const path = `/proc/${entry}/ns/net`;
    const id = namespaceId(path);
    if (id !== null && !found.has(id)) found.set(id, path);
  }
  for (const { id, path } of mounted()) if (!found.has(id)) found.set(id, path);
  return [...found].map(([id, path]) => ({ id, path }));
}
