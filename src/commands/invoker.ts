import { execa } from "execa";

/** Who called sudo: the command runs, and saved files belong, as this user. */
export interface Invoker {
  uid: number;
  gid: number;
  /** Null for an id that has no account. */
  name: string | null;
  home: string;
}

/** Ids of the user behind sudo, null when bindtrace was not started through it. */
export function sudoUser(): Pick<Invoker, "uid" | "gid"> | null {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (process.geteuid?.() !== 0 || !SUDO_UID || !SUDO_GID || SUDO_UID === "0") return null;
  return { uid: Number(SUDO_UID), gid: Number(SUDO_GID) };
}

/** The user behind sudo, null when bindtrace was not started through it. */
export async function invoker(): Promise<Invoker | null> {
  const user = sudoUser();
  if (!user) return null;
  const account = await findAccount(String(user.uid));
  return { ...user, name: account?.name ?? null, home: account?.home ?? "/" };
}

export interface Account {
  uid: number;
  name: string;
  home: string;
}

/** The account with this name or number, null when there is none. */
export async function findAccount(key: string): Promise<Account | null> {
  const { stdout } = await execa("getent", ["passwd", "--", key], { reject: false });
  const [name, , uid, , , home] = (stdout ?? "").split(":");
  return name ? { uid: Number(uid), name, home: home || "/" } : null;
}

/** The command with the rights, groups and home of who called sudo; PATH stays as sudo left it. */
export function asInvoker(command: readonly string[], user: Invoker | null): { command: string[]; env: Record<string, string> } {
  if (!user) return { command: [...command], env: {} };
  return {
    command: [
      "setpriv",
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      user.name === null ? "--clear-groups" : "--init-groups",
      "--",
      ...command,
    ],
    env: { HOME: user.home, ...(user.name === null ? {} : { USER: user.name, LOGNAME: user.name }) },
  };
}
