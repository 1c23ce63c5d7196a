import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { ROOT } from "../helpers/cli.ts";

const isRoot = process.getuid?.() === 0;

/** What it says in a process that this command starts. */
async function seenBy(...command: string[]): Promise<string> {
  const script = 'import("./dist/probe/every-process.js").then(({ seesEveryProcess }) => console.log(seesEveryProcess()))';
  const [file = "", ...args] = [...command, process.execPath, "-e", script];
  return (await execa(file, args, { cwd: ROOT })).stdout;
}

describe.skipIf(!isRoot)("/proc shows every process", () => {
  it.each([
    ["to root", ["env"], "true"],
    ["not to root without CAP_SYS_PTRACE", ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"], "false"],
    ["not to root that may not list the descriptors of others", ["setpriv", "--bounding-set=-all,+sys_ptrace", "--inh-caps=-all"], "false"],
    ["not to root of a user namespace", ["unshare", "--user", "--map-root-user"], "false"],
    ["not to another user", ["setpriv", "--reuid=65534", "--clear-groups"], "false"],
    ["not from within another PID namespace", ["unshare", "--pid", "--fork", "--mount-proc"], "false"],
  ])("%s", async (_, command, expected) => {
    expect(await seenBy(...command)).toBe(expected);
  });
});
