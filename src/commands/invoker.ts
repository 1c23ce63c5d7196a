import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execa } from "execa";

/** Who called sudo: the command runs, and saved files belong, as this user. */
export interface Invoker {
  uid: number;
  gid: number;
  /** Null for an id that has no account. */
  name: string | null;
  home: string;
}

/** The user behind sudo, null when bindtrace was not started through it. */
export async function invoker(): Promise<Invoker | null> {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (process.geteuid?.() !== 0 || !SUDO_UID || !SUDO_GID || SUDO_UID === "0") return null;
  const { stdout } = await execa("getent", ["passwd", SUDO_UID], { reject: false });
  const [name, , , , , home] = (stdout ?? "").split(":");
  return { uid: Number(SUDO_UID), gid: Number(SUDO_GID), name: name || null, home: home || "/" };
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

/** Whether this names a program that can be run, by path or through PATH. */
export function isRunnable(command: string): boolean {
  const places = command.includes("/") ? [command] : (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, command));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}
