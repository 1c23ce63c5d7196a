import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Btf } from "../../src/probe/btf.ts";
import { btfExcerpt } from "../fixtures/kernels/excerpt.mjs";
import { ROOT } from "../helpers/cli.ts";

/** Excerpts of real kernels, oldest first; see test/fixtures/kernels. */
export const KERNELS = [
  "5.10.0-46-cloud-amd64",
  "6.1.0-56-cloud-amd64",
  "6.12.117+deb13-cloud-amd64",
  "6.18.44-fc-v669",
  "7.2.12+deb14-cloud-amd64",
] as const;
export type Kernel = (typeof KERNELS)[number];

/** @param without "struct.member[.member...]", which this kernel then lacks */
export function kernelFixture(name: Kernel, without?: string): { btf: Btf; kallsyms: string } {
  const folder = join(ROOT, "test/fixtures/kernels");
  const bytes = gunzipSync(readFileSync(join(folder, `${name}.btf.gz`)));
  return {
    btf: new Btf(without ? btfExcerpt(bytes, without) : bytes),
    kallsyms: readFileSync(join(folder, `${name}.kallsyms`), "latin1"),
  };
}

/** What each of KERNELS has, or one value for all. */
export type Row<Value> = Value | readonly Value[];

/** The column of one kernel, without the rows where it has nothing. */
export function column<Value>(table: Readonly<Record<string, Row<Value>>>, kernel: Kernel): Record<string, NonNullable<Value>> {
  const cells = Object.entries(table).map(([name, row]) => {
    if (!Array.isArray(row)) return [name, row];
    if (row.length !== KERNELS.length) throw new Error(`${name} has ${row.length} columns`);
    return [name, row[KERNELS.indexOf(kernel)]];
  });
  return Object.fromEntries(cells.filter(([, value]) => value !== null));
}
