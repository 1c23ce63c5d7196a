/**
 * haproxy opts into sharing: started twice, both get the port and no one is told. A program that does not opt in is
 * refused by both, and so is haproxy with noreuseport.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "./lib/stage.mjs";
import { childOf } from "./lib/wait.mjs";

await scenario(["haproxy"], async (stage) => {
  const first = haproxy(stage, "first");
  const worker = await childOf(first.pid);
  await stage.listening(worker);
  const second = haproxy(stage, "second");
  const other = await childOf(second.pid);
  await stage.listening(worker, other);

  const story = {
    address: "0.0.0.0",
    by: { LISTEN: "binder-lacks-reuseport" },
    via: { [worker]: "inherited", [other]: "inherited" },
    nature: "process",
    notes: ["server-worker"],
  };
  const alone = haproxy(stage, "alone", "noreuseport");
  await alone.says(/cannot bind socket \(Address already in use\)/);
  await stage.refused({ pid: alone.pid, ...story });
  await alone.failed();

  const server = stage.node("server.mjs", ["--host", "0.0.0.0"]);
  await server.says(/refused listen EADDRINUSE/);
  await stage.refused({ pid: server.pid, ...story, notes: [...story.notes, "libuv-reports-listen"] });
  for (const haproxy of [first, second]) await haproxy.end();
});

/** haproxy with a master process, as its service unit starts it. */
function haproxy(stage, name, ...options) {
  const file = join(stage.folder, `${name}.cfg`);
  const timeouts = ["client", "server", "connect"].map((what) => `  timeout ${what} 5s\n`).join("");
  writeFileSync(
    file,
    `global
  nbthread 1
${options.map((option) => `  ${option}\n`).join("")}defaults
  mode http
${timeouts}frontend hello
  bind 0.0.0.0:${stage.port}
  http-request return status 200
`,
  );
  return stage.start("haproxy", ["-W", "-f", file]);
}
