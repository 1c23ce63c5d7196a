import { expect, it } from "vitest";
import { bufferPages } from "../../src/probe/buffers.ts";

const [K, M, G] = [2 ** 10, 2 ** 20, 2 ** 30];

it.each<[bytes: number | null, version: string, cpus: number, pages: number, together: number]>([
  [null, "0.17.0", 1, 4096, 16 * M],
  [null, "0.17.0", 2, 2048, 16 * M],
  [null, "0.17.0", 3, 1024, 12 * M],
  [null, "0.19.1", 64, 512, 128 * M],
  [null, "0.20.0", 2, 4096, 16 * M],
  [null, "1.0.2", 64, 32768, 128 * M],
  [64 * M, "0.17.0", 2, 8192, 64 * M],
  [100 * M, "0.17.0", 2, 8192, 64 * M],
  [64 * M, "0.23.0", 2, 16384, 64 * M],
  [256 * K, "0.17.0", 64, 1, 256 * K],
  [256 * K, "0.17.0", 256, 1, M],
  [4 * G, "0.17.0", 2, 524_288, 4 * G],
])("%j bytes with bpftrace %s on %d CPUs are %d pages of each buffer", (bytes, version, cpus, pages, together) => {
  expect(bufferPages(bytes, version, cpus)).toBe(pages);
  const buffers = version < "0.20" ? cpus : 1;
  expect(pages * 4096 * buffers).toBe(together);
});
