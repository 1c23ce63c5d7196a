import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { namespaceAt, namespaceId, networkNamespaces } from "../../src/probe/namespaces.ts";
import { Programs } from "./programs.ts";

const isRoot = process.getuid?.() === 0;
const programs = new Programs();
const ids = () => networkNamespaces().map(({ id }) => id);

it("has the namespace of this process first", () => {
  expect(networkNamespaces()[0]).toEqual({ id: namespaceId("/proc/self/ns/net"), path: "/proc/self/ns/net" });
});

it("has no number for what is no namespace", () => {
  expect([namespaceId("/proc/self/ns/pid"), namespaceAt("/proc/self/maps"), namespaceAt("/nowhere")]).toEqual([null, null, null]);
});

describe.skipIf(!isRoot)("a network namespace", () => {
  let folder: string;
  let place: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "bindtrace-"));
    place = join(folder, "a name with \\ blanks");
    writeFileSync(place, "");
  });
  afterEach(async () => {
    await execa("umount", [place], { reject: false });
    await programs.end();
    rmSync(folder, { recursive: true });
  });

  it("is known while a process is in it, or while it is mounted", async () => {
    const inside = programs.start("/usr/bin/unshare", ["--net", "--", "sh", "-c", "echo ready; read line"]);
    await inside.line();
    const id = namespaceId(`/proc/${inside.pid}/ns/net`) ?? 0;
    await execa("mount", ["--bind", `/proc/${inside.pid}/ns/net`, place]);
    expect(networkNamespaces()).toContainEqual({ id, path: `/proc/${inside.pid}/ns/net` });
    await inside.kill();
    expect(networkNamespaces()).toContainEqual({ id, path: place });
    expect(namespaceAt(place)).toBe(id);
    await execa("umount", [place]);
    expect(ids()).not.toContain(id);
  });
});
