import { describe, expect, it } from "vitest";
import { marksOf } from "../../src/probe/marks.ts";

const PID = 27;
const marks = (...entries: string[]) => marksOf(Buffer.from(entries.map((entry) => `${entry}\0`).join("")), PID);

describe("marks", () => {
  it.each<[string, string[], string[]]>([
    ["a worker of node:cluster", ["NODE_UNIQUE_ID=2", "NODE_CHANNEL_FD=3"], ["NODE_UNIQUE_ID", "NODE_CHANNEL_FD"]],
    [
      "pm2 in fork mode",
      ["name=shop", "exec_mode=fork_mode", "NODE_APP_INSTANCE=0", "PM2_HOME=/home/ann/.pm2", "pm_id=0", "NODE_CHANNEL_FD=3"],
      ["NODE_CHANNEL_FD", "pm_id", "NODE_APP_INSTANCE", "PM2_HOME", "exec_mode=fork_mode"],
    ],
    [
      "pm2 in cluster mode",
      ["PM2_HOME=/home/ann/.pm2", 'pm2_env={"env":{"TOKEN":"x"}}', "NODE_UNIQUE_ID=1"],
      ["NODE_UNIQUE_ID", "pm2_env", "PM2_HOME"],
    ],
    ["a service with sockets", ["LISTEN_PID=27", "LISTEN_FDS=1", "INVOCATION_ID=1f"], ["LISTEN_FDS", "INVOCATION_ID", "LISTEN_PID"]],
    ["a child of a service with sockets", ["LISTEN_PID=26", "LISTEN_FDS=1"], ["LISTEN_FDS"]],
    ["npm run", ["npm_lifecycle_event=dev:web", "npm_lifecycle_script=x --key=1"], ["npm_lifecycle_event=dev:web"]],
    ["a server that says what it is", ["SERVER_SOFTWARE=gunicorn/20.1.0"], ["SERVER_SOFTWARE=gunicorn/20.1.0"]],
    ["node --watch", ["WATCH_REPORT_DEPENDENCIES=1"], ["WATCH_REPORT_DEPENDENCIES"]],
    ["next dev", ["NEXT_PRIVATE_WORKER=1"], ["NEXT_PRIVATE_WORKER"]],
    ["a debugger", ['VSCODE_INSPECTOR_OPTIONS={"x":1}'], ["VSCODE_INSPECTOR_OPTIONS"]],
    ["none", ["HOME=/root", "TOKEN=x"], []],
    ["nothing", [], []],
  ])("of %s", (_, environ, expected) => expect(marks(...environ)).toEqual(expected));

  it.each(["two words", "a\nb", "\x1b[1m", "x".repeat(65), ""])("leave out the value %j, which is no plain word", (value) => {
    expect(marks(`npm_lifecycle_event=${value}`, `exec_mode=${value}`)).toEqual(["exec_mode", "npm_lifecycle_event"]);
  });

  it("are whole names: no part of one, no value, no word without a value, nothing that was cut", () => {
    expect(marks("xpm_id=1", "pm_idx=1", "A=pm_id=1", "pm_id", "=pm_id=1", "\npm_id=1")).toEqual([]);
    expect(marksOf(Buffer.from("A=1\0pm_id=1\0exec_mode=fork"), PID)).toEqual(["pm_id"]);
  });

  it("take the first of two, as getenv does", () => {
    expect(marks("exec_mode=fork_mode", "exec_mode=cluster_mode")).toEqual(["exec_mode=fork_mode"]);
  });

  it.each([
    ["--inspect", true],
    ["--inspect=0.0.0.0:9230", true],
    ["--max-old-space-size=99 --inspect-brk=0", true],
    ["--inspect-wait --no-warnings", true],
    ['"--inspect"', true],
    ["--inspect-port=0", false],
    ["--inspect-publish-uid=http", false],
    ["--require=./--inspect.js", false],
    ["--require ./x--inspect", false],
    ["", false],
  ])("NODE_OPTIONS %j opens the inspector: %s", (options, opens) => {
    expect(marks(`NODE_OPTIONS=${options}`)).toEqual(opens ? ["NODE_OPTIONS=--inspect"] : []);
  });
});
