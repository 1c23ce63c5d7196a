import { describe, expect, it } from "vitest";
import { inspectorPorts, watcherName } from "../../src/core/notes-programs.ts";

const running = (command: string, program = "node") => ({ pid: 6, comm: program, program, command });

describe("a watcher", () => {
  it.each([
    ["node /app/node_modules/.bin/nodemon server.js", "nodemon"],
    ["node --max-old-space-size=4096 /app/node_modules/nodemon/bin/nodemon.js", "nodemon"],
    ["node /app/node_modules/.bin/tsx watch server.ts", "tsx watch"],
    ["node /app/node_modules/tsx/dist/cli.mjs watch server.ts", "tsx watch"],
    ["node /app/node_modules/.bin/ts-node-dev --respawn server.ts", "ts-node-dev"],
    ["node /app/node_modules/.bin/tsnd server.ts", "ts-node-dev"],
    ["node --watch server.js", "node --watch"],
    ["node --enable-source-maps --watch-path=src server.js", "node --watch"],
    ["node --watch", "node --watch"],
    ["node /app/node_modules/.bin/next dev -p 8080", "next dev"],
    ["node /app/node_modules/.bin/nest start api --watch", "nest start --watch"],
    ["node /app/node_modules/.bin/webpack serve", "webpack"],
    ["node /app/node_modules/.bin/webpack -c dev.js --watch", "webpack"],
    ["node /app/node_modules/.bin/webpack -w", "webpack"],
    ["node /app/watch/nodemon.cjs", "nodemon"],
    ["node /app/node_modules/.bin/vite", "vite"],
  ])("is %s", (command, name) => {
    expect(watcherName(running(command))).toBe(name);
  });

  it.each(["air", "cargo-watch", "watchexec"])("is the program %s", (program) => {
    expect(watcherName(running("", program))).toBe(program);
  });

  it.each([
    "node server.js --watch",
    "node server.js nodemon",
    "node --watchful server.js",
    "node --no--watch server.js",
    "node nodemon.json",
    "node /app/node_modules/.bin/tsx server.ts watch",
    "node /app/node_modules/.bin/next start",
    "node /app/node_modules/.bin/nest start",
    "node /app/node_modules/.bin/nest build --watch",
    "node /app/node_modules/.bin/webpack --mode production",
    "node constructor",
    "node",
    "",
  ])("is not %s", (command) => {
    expect(watcherName(running(command))).toBeNull();
  });

  it("is not a shell that starts one", () => {
    expect(watcherName(running("sh nodemon server.js", "dash"))).toBeNull();
  });
});

it.each([
  ["node server.js", []],
  ["node --inspect server.js", [9229]],
  ["node --inspect", [9229]],
  ["node --inspect=0.0.0.0:9300 server.js", [9300]],
  ["node --inspect-brk --inspect-port=[::1]:9301 server.js", [9229, 9301]],
  ["node --debug-port=9302 server.js", [9302]],
  ["node --inspect-publish-uid=http server.js", []],
  ["node --inspect=localhost server.js", []],
  ["--inspect", []],
])("the inspector of %s is on %j", (command, ports) => {
  expect(inspectorPorts(running(command as string))).toEqual(ports);
});
