/**
 * Servers of two Node versions with reusePort: true share the port. A third without it is refused, and so is one with it
 * whose Node (before 22.12) does not know the option and says nothing of that.
 */

import { REFUSED, scenario } from "./lib/stage.mjs";

await scenario(["node22", "node24"], async (stage) => {
  const sharing = ["node22", "node24"].map((binary) => stage.node("server.mjs", ["--reuse-port"], { binary }));
  for (const server of sharing) await server.says(/^listening/);
  await stage.listening(...sharing.map(({ pid }) => pid));

  await refused(stage.node("server.mjs", [], { binary: "node24" }));
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 12)) await refused(stage.node("server.mjs", ["--reuse-port"]));
  for (const server of sharing) await server.end();

  async function refused(server) {
    await server.says(REFUSED);
    await stage.refused({
      pid: server.pid,
      address: "::",
      by: { LISTEN: "binder-lacks-reuseport" },
      via: Object.fromEntries(sharing.map(({ pid }) => [pid, "created"])),
      nature: "process",
      notes: ["libuv-reports-listen"],
      release: "exit",
    });
    await server.failed();
  }
});
