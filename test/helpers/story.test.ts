import { describe, expect, it } from "vitest";
import type { OutputRecord } from "../../src/core/record.ts";
import type { TrueStory, Truth } from "./situations.ts";
import { storyProblems } from "./story.ts";

/** As much of a report as a story is looked for in. */
const report = [
  {
    type: "failure",
    id: "f1",
    operation: "bind",
    binder: { pid: 30, inode: 300 },
    notes: [{ code: "same-process", message: "" }],
    blockers: [
      {
        socket: "s1",
        nature: "process",
        holders: [],
        lineage: [
          { step: "bound", pid: 10 },
          { step: "forked", pid: 10 },
          { step: "forked", pid: 10 },
          { step: "exited", pid: 10 },
        ],
      },
    ],
  },
  { type: "holders", failure: "f1", socket: "s1", holders: [{ pid: 20, via: "received", from: { pid: 10, comm: "" } }] },
  { type: "release", failure: "f1", socket: "s1", via: "close" },
  { type: "warning", code: "loopback-split", sockets: ["s1", "s2"] },
  { type: "absence", code: "none-refused" },
  {
    type: "summary",
    ports: [
      {
        port: 8080,
        sockets: [
          { socket: "s1", inode: 100 },
          { socket: "s2", inode: 200 },
        ],
      },
    ],
  },
] as unknown as OutputRecord[];

const truth = { pid: 30, inode: 300, operation: "bind", rule: "listening" } as Truth;

describe("the story around a refusal", () => {
  const told: TrueStory[] = [
    {},
    { via: { 20: "received" }, from: { 20: 10 }, nature: "process", release: "close" },
    { notes: ["same-process"], warnings: ["loopback-split"] },
    {
      steps: [
        ["bound", 10],
        ["forked", 10],
        ["exited", 10],
      ],
    },
    {
      steps: [
        ["forked", 10],
        ["forked", 10],
      ],
    },
  ];
  it.each(told)("is as told: %j", (story) => {
    expect(storyProblems(report, { ...truth, story })).toEqual([]);
  });

  const otherwise: [TrueStory, string][] = [
    [{ via: { 20: "inherited" } }, 'how 20 came to it: "received", not "inherited"'],
    [{ via: { 21: "created" } }, 'how 21 came to it: null, not "created"'],
    [{ from: { 20: 11 } }, "from whom 20 has it: 10, not 11"],
    [{ nature: "orphan" }, 'nature: "process", not "orphan"'],
    [{ release: "exit" }, 'how it goes: "close", not "exit"'],
    [{ notes: ["same-process", "launcher-gone"] }, 'no note "launcher-gone"'],
    [{ warnings: ["unrelated-programs-share"] }, 'no warning "unrelated-programs-share"'],
    [
      {
        steps: [
          ["exited", 10],
          ["bound", 10],
        ],
      },
      '"bound 10" is not where it should be in the lineage: bound 10, forked 10, forked 10, exited 10',
    ],
    [{ steps: [["bound", 11]] }, '"bound 11" is not where it should be in the lineage: bound 10, forked 10, forked 10, exited 10'],
  ];
  it.each(otherwise)("is told otherwise: %j", (story, problem) => {
    expect(storyProblems(report, { ...truth, story })).toEqual([problem]);
  });

  it("is looked for in the failure of that call", () => {
    expect(storyProblems(report, { ...truth, inode: 301, story: {} })).toEqual(["no failure for the bind of process 30"]);
    expect(storyProblems(report, { ...truth, inode: null, story: {} })).toEqual([]);
  });
});

it("finds a warning by its code and the sockets that it names", () => {
  const split = { warning: "loopback-split", port: 8080, sockets: [200, 100] };
  expect(storyProblems(report, split)).toEqual([]);
  expect(storyProblems(report, { ...split, sockets: [100, 201] })).toEqual(['"loopback-split" is said of [[100,200]], not of [100,201]']);
  expect(storyProblems(report, { ...split, port: 9090 })).toEqual(['"loopback-split" is said of [[null,null]], not of [200,100]']);
  expect(storyProblems(report, { ...split, warning: "reuseport-after-bind" })).toEqual(['no warning "reuseport-after-bind"']);
});

it("finds an absence by its code", () => {
  expect(storyProblems(report, { absence: "none-refused", port: 8080 })).toEqual([]);
  expect(storyProblems(report, { absence: "none-attempted", port: 8080 })).toEqual(['no absence "none-attempted"']);
});
