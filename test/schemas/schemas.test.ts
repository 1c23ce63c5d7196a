import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { check } from "../../src/core/check.ts";
import { checkRecord } from "../../src/core/check-record.ts";
import { diagnose } from "../../src/core/diagnosis.ts";
import { numbered } from "../../src/core/owner.ts";
import { doctorJson } from "../../src/report/doctor.ts";
import { NdjsonReport } from "../../src/report/ndjson.ts";
import { kernel, party } from "../core/parties.ts";
import { machine, NO_FENTRY, trials } from "../core/surveys.ts";
import { ROOT } from "../helpers/cli.ts";
import { connection, facts, timeWait } from "../helpers/events.ts";
import { exportSample, linesOf, SAMPLES } from "../helpers/samples.ts";
import { SCHEMAS } from "./schemas.mjs";

const FILES = Object.keys(SCHEMAS);

/** The validator that is checked in: strict, so that a word that it does not know is an error. */
function validator(name: string): ValidateFunction {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile(JSON.parse(readFileSync(join(ROOT, "schemas", `${name}.schema.json`), "utf8")));
}

const report = validator("report");
const header = validator("trace-header");
const event = validator("trace-event");
const checked = validator("check");
const doctor = validator("doctor");
const ndjson = validator("ndjson");

function problems(validate: ValidateFunction, value: unknown): string[] {
  return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe("schemas/", () => {
  it("is what the zod schemas make: make schemas writes it anew", () => {
    expect(readdirSync(join(ROOT, "schemas")).map((file) => `schemas/${file}`)).toEqual([...FILES].sort());
    for (const file of FILES) expect(readFileSync(join(ROOT, file), "utf8")).toBe(SCHEMAS[file]);
  });

  it.each(FILES)("%s says what it is", (file) => {
    const { $schema, $id, title, description } = JSON.parse(SCHEMAS[file] ?? "");
    expect({ $schema, $id }).toEqual({ $schema: "https://json-schema.org/draft/2020-12/schema", $id: file });
    expect([title, description]).not.toContain(undefined);
  });

  it("every column of --ndjson is described", () => {
    const { properties } = JSON.parse(SCHEMAS["schemas/ndjson.schema.json"] ?? "");
    const mute = Object.entries<{ description?: string }>(properties).filter(([, { description }]) => description === undefined);
    expect(mute.map(([name]) => name)).toEqual([]);
  });
});

describe.each(SAMPLES)("sample %s", (name) => {
  const reported = linesOf(name, "report.jsonl").map((line) => JSON.parse(line));
  const [first, ...events] = linesOf(name, "trace.jsonl").map((line) => JSON.parse(line));

  it("has a report and a trace that fit", () => {
    expect(reported.flatMap((record) => problems(report, record))).toEqual([]);
    expect(problems(header, first)).toEqual([]);
    expect(events.flatMap((one) => problems(event, one))).toEqual([]);
  });

  it("has rows that fit", async () => {
    const rows = (await exportSample(name, new NdjsonReport())).trimEnd().split("\n");
    expect(rows.flatMap((row) => problems(ndjson, JSON.parse(row)))).toEqual([]);
  });

  it("fits with a field that a newer version adds, and not without one that this one has", () => {
    const newer = (value: object) => ({ ...value, addedLater: { anything: [1] } });
    expect([...reported.map(newer)].flatMap((record) => problems(report, record))).toEqual([]);
    expect(problems(header, newer(first))).toEqual([]);
    expect(events.map(newer).flatMap((one) => problems(event, one))).toEqual([]);
    for (const record of reported) {
      for (const field of Object.keys(record)) {
        expect(problems(report, { ...record, [field]: undefined }), `${record.type} without ${field}`).not.toEqual([]);
      }
    }
  });
});

describe("a wrong line", () => {
  const failure = SAMPLES.flatMap((name) => linesOf(name, "report.jsonl"))
    .map((line) => JSON.parse(line))
    .find(({ type, blockers }) => type === "failure" && blockers.length > 0);
  const [blocker] = failure.blockers;
  it.each([
    ["an unknown rule", { rule: "because" }],
    ["a port that is none", { port: 65536 }],
    ["a time that is none", { at: "14:03" }],
    ["a number as text", { ownersCounted: "1" }],
    ["a blocker without holders", { blockers: [{ ...blocker, holders: null }] }],
    ["a state that the kernel has not", { blockers: [{ ...blocker, state: "OPEN" }] }],
    ["an unknown type", { type: "failing" }],
  ])("with %s fails", (_, change) => {
    expect(problems(report, failure)).toEqual([]);
    expect(problems(report, { ...failure, ...change })).not.toEqual([]);
  });

  it("of anything but an object fails, whatever it is", () => {
    const validators = [report, header, event, checked, doctor, ndjson];
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(validators.filter((validate) => validate(value))).toEqual([]);
      }),
    );
  });
});

describe("the records of one machine", () => {
  const binder = party("0.0.0.0", "", { state: "CLOSE" });
  const asked = { binder, kernels: [kernel()], faults: [], vrfs: false, slotSize: 1, obstacles: [] };
  const at = "2026-11-22T14:03:00.000000000Z";
  const seen = { at, port: 8080, ownersCounted: 3, iso: () => at, everyProcess: true };
  const found = new Map([[100, [{ pid: 10, fd: 18, comm: "node", command: "node server.js", parent: 1, startedAt: null }]]]);

  it("check --json, by the bucket and by /proc", () => {
    const bucket = { complete: true, fastReuse: 0, fastReusePort: 0, fastUid: 0, fastAddress: null };
    const owners = numbered([facts({ group: { id: 1, size: 2 } }), connection(), timeWait()]);
    const byBucket = { ...asked, owners, bucket };
    const verdict = check(byBucket);
    const records = [
      checkRecord(byBucket, verdict, verdict, { ...seen, netns: 1, user: { uid: 0, name: "root", from: "sudo" }, holders: found }),
      checkRecord({ ...asked, owners: [], bucket: null }, check({ ...asked, owners: [], bucket: null }), null, {
        ...seen,
        netns: null,
        user: { uid: 1000, name: null, from: "caller" },
        holders: new Map(),
      }),
    ];
    expect(records[0]?.owners[0]?.holders).toHaveLength(1);
    expect(records.flatMap((record) => problems(checked, record))).toEqual([]);
    expect(problems(checked, { ...records[0], answer: "perhaps" })).not.toEqual([]);
  });

  it.each([
    ["that works", machine()],
    ["without bpftrace", machine({ bpftrace: { ok: false, error: "bpftrace is not installed: install it" }, trials: [] })],
    ["with much to say", machine({ trials: trials({ fentry: NO_FENTRY }), kernelLog: [{ at: 1, text: "TCP: out of memory" }] })],
  ])("doctor --json of one %s", (_, survey) => {
    const record = JSON.parse(doctorJson(diagnose(survey)));
    expect(problems(doctor, record)).toEqual([]);
    expect(problems(doctor, { ...record, findings: [{ ...record.findings[0], section: "weather" }] })).not.toEqual([]);
  });
});
