// From what measure.mjs measured to the rows of a table.

import { median, spread } from "./table.mjs";

const KINDS = ["getppid", "open+close", "other-port", "watched-port", "refused"];
export const HEAD = ["", "getppid", "open+close", "bind+listen+close, other port", "… watched port", "bind refused"];

/** Of chunks on a machine that is disturbed all the time: the fastest. */
export const fastest = (values) => Math.min(...values);

/**
 * One row a tracer: how many times as long as untraced, median of the repetitions and their range. `each` makes one number of
 * the chunks: their median, or on a machine that is disturbed all the time, the fastest.
 */
export function ratioRows({ rows }, each = median) {
  const untraced = KINDS.map((kind) => median(rows.flatMap(({ repetitions }) => repetitions.map((one) => each(baseline(one, kind))))));
  return [
    ["untraced, ns", ...untraced.map((value) => value.toFixed(0))],
    ...rows.map(({ name, repetitions }) => [`\`${name}\``, ...KINDS.map((kind) => cell(ratios(repetitions, kind, each)))]),
  ];
}

const cell = (values) => (values.length > 1 ? spread(values) : values[0].toFixed(2));
const baseline = ({ before, after }, kind) => [...before[kind], ...after[kind]];
const ratios = (repetitions, kind, each) => repetitions.map((one) => each(one.traced[kind]) / each(baseline(one, kind)));

/** How many times less each bindtrace adds than `strace --seccomp-bpf`. */
export function againstStrace({ rows }, each = median) {
  const added = ({ repetitions }) => KINDS.map((kind) => addition(ratios(repetitions, kind, each)));
  const strace = rows.find(({ name }) => name === "strace --seccomp-bpf");
  if (!strace) return [];
  const of = added(strace);
  return rows
    .filter(({ name }) => name.startsWith("bindtrace"))
    .map((row) => [`\`${row.name}\``, ...added(row).map((value, index) => times(of[index], value))]);
}

/** Less than this is within the noise of nothing, also where it was measured once. */
const LEAST = 0.05;

/** What is added to the untraced time, median of the repetitions; null where one of them was no slower, so that it may be nothing. */
function addition(values) {
  const added = median(values) - 1;
  return added < LEAST || Math.min(...values) <= 1 ? null : added;
}

// What may be nothing has no quotient.
const times = (strace, bindtrace) => (strace === null || bindtrace === null ? "–" : (strace / bindtrace).toFixed(1));

/** What the traces reported of the refused binds and what they lost, in one sentence. */
export function completeness({ rows, expected }) {
  const runs = rows.flatMap(({ name, repetitions }) => repetitions.filter(({ seen }) => seen).map(({ seen }) => ({ name, ...seen })));
  const bad = runs.filter(({ failures, lost }) => failures !== expected || lost > 0);
  if (bad.length === 0) return `Each of the ${runs.length} traces reported all of its ${expected} refused binds and lost no event.`;
  const told = bad.map(({ name, failures, lost }) => `\`${name}\` ${failures} of ${expected} with ${lost} events lost`);
  return `Of ${runs.length} traces, all reported every one of their ${expected} refused binds and lost no event, but for: ${told.join("; ")}.`;
}
