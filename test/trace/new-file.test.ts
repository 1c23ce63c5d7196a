import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { type NewFile, type NewFileOptions, openNew } from "../../src/trace/new-file.ts";
import { fresh } from "./files.ts";

const isRoot = process.geteuid?.() === 0;
/** Bytes; a pipe holds 64 KiB (pipe(7)). */
const MORE_THAN_FITS = 1 << 20;

function write(path: string, options: Partial<NewFileOptions> = {}, text = "new"): string | null {
  const file = openNew(path, { replace: false, owner: null, ...options });
  if (!file.ok) return file.error;
  file.value.write(Buffer.from(text));
  file.value.close();
  return null;
}

function open(path: string): NewFile {
  const file = openNew(path, { replace: true, owner: null });
  if (!file.ok) throw new Error(file.error);
  return file.value;
}

/** A folder of its own, in which nothing else may be left. */
function folder(): string {
  const path = fresh("");
  mkdirSync(path);
  return path;
}

describe("a new file", () => {
  it.each([0o000, 0o022, 0o777])("is for its owner alone, whatever the umask (%o)", (mask) => {
    const path = join(folder(), "t");
    const before = process.umask(mask);
    try {
      expect(write(path)).toBeNull();
    } finally {
      process.umask(before);
    }
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toBe("new");
  });

  it.skipIf(!isRoot)("is given to who called sudo", () => {
    const path = join(folder(), "t");
    write(path, { owner: { uid: 5, gid: 60 } });
    expect(statSync(path)).toMatchObject({ uid: 5, gid: 60 });
  });

  it("takes the place of one that is there only when it may", () => {
    const path = join(folder(), "t");
    writeFileSync(path, "old");
    expect(write(path)).toBe(`${path} exists already: choose another name, or add --force to replace it`);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(write(path, { replace: true })).toBeNull();
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(readdirSync(dirname(path))).toEqual(["t"]);
  });

  it("leaves the one that it is to replace until there is something to put in its place", () => {
    const path = join(folder(), "t");
    writeFileSync(path, "old");
    const file = open(path);
    expect(readFileSync(path, "utf8")).toBe("old");
    // Whoever is killed now leaves nothing.
    expect(readdirSync(dirname(path))).toEqual(["t"]);
    file.write(Buffer.from("n"));
    expect(readFileSync(path, "utf8")).toBe("n");
    file.write(Buffer.from("ew"));
    file.close();
    file.discard();
    expect(readFileSync(path, "utf8")).toBe("new");
  });

  it.each([true, false])("is taken back where nothing came to be written (in the place of another: %s)", (replaces) => {
    const path = join(folder(), "t");
    if (replaces) writeFileSync(path, "old");
    open(path).discard();
    expect(readdirSync(dirname(path))).toEqual(replaces ? ["t"] : []);
    if (replaces) expect(readFileSync(path, "utf8")).toBe("old");
  });

  it("may be empty at its end", () => {
    const path = join(folder(), "t");
    writeFileSync(path, "old");
    open(path).close();
    expect(readFileSync(path, "utf8")).toBe("");
  });

  it("leaves nothing where it cannot take the place of another any more", () => {
    const path = join(folder(), "t");
    writeFileSync(path, "old");
    const file = open(path);
    rmSync(path);
    mkdirSync(path);
    expect(() => file.write(Buffer.from("new"))).toThrow("EISDIR");
    rmdirSync(path);
    file.close();
    file.discard();
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it.skipIf(!isRoot)("does not begin where the file of another user cannot be replaced in the end", () => {
    const there = mkdtempSync(join(tmpdir(), "bindtrace-"));
    const path = join(there, "t");
    writeFileSync(path, "old");
    chmodSync(there, 0o1777);
    process.seteuid?.(65534);
    const problem = write(path, { replace: true });
    process.seteuid?.(0);
    rmSync(there, { recursive: true });
    expect(problem).toBe(`cannot write ${path}: choose a place where you may write`);
  });

  it("is another file than the one that it replaces: who has that open, or by another name, sees nothing", () => {
    const there = folder();
    const [path, other] = [join(there, "t"), join(there, "other")];
    writeFileSync(path, "old", { mode: 0o666 });
    chmodSync(path, 0o666);
    linkSync(path, other);
    const reader = openSync(path, "r");
    write(path, { replace: true });
    expect(readFileSync(other, "utf8")).toBe("old");
    expect(readFileSync(reader, "utf8")).toBe("old");
    closeSync(reader);
    expect([statSync(path).mode & 0o777, statSync(other).mode & 0o777]).toEqual([0o600, 0o666]);
  });

  it.skipIf(!isRoot)("does not take over the file of another user", () => {
    const there = folder();
    const [path, other] = [join(there, "t"), join(there, "other")];
    writeFileSync(path, "old");
    chownSync(path, 33, 33);
    linkSync(path, other);
    write(path, { replace: true, owner: { uid: 5, gid: 60 } });
    expect([statSync(path).uid, statSync(other).uid]).toEqual([5, 33]);
  });

  it.each([false, true])("is never made where a link leads (the link's end is there: %s)", (exists) => {
    const there = folder();
    const [path, end] = [join(there, "t"), join(there, "end")];
    if (exists) writeFileSync(end, "old");
    symlinkSync(end, path);
    expect(write(path)).toBe(`${path} exists already: choose another name, or add --force to replace it`);
    expect(readlinkSync(path)).toBe(end);
    expect(write(path, { replace: true })).toBeNull();
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readdirSync(there).sort()).toEqual(exists ? ["end", "t"] : ["t"]);
    if (exists) expect(readFileSync(end, "utf8")).toBe("old");
  });

  it("leaves nothing where it cannot be made", () => {
    const there = folder();
    mkdirSync(join(there, "t"));
    expect(write(join(there, "t"), { replace: true })).toBe(`${join(there, "t")} is a folder: name a file in it`);
    expect(write(join(there, "t", "x", "y"))).toBe(`the folder of ${join(there, "t", "x", "y")} does not exist: create it first`);
    writeFileSync(join(there, "file"), "");
    expect(write(join(there, "file", "x"))).toBe(`cannot write ${join(there, "file", "x")}: ${join(there, "file")} is no folder`);
    expect(readdirSync(there).sort()).toEqual(["file", "t"]);
  });
});

describe("what is no file", () => {
  it("is a device: it is written to", () => {
    expect(write("/dev/null")).toBeNull();
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
    expect(() => write("/dev/full")).toThrow("ENOSPC");
  });

  it("is a pipe of this user: its reader gets all of it, also where it reads nothing before the pipe is full", async () => {
    const path = join(folder(), "pipe");
    execFileSync("mkfifo", [path]);
    const reader = spawn("python3", ["test/fixtures/read-when-full.py", path], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void reader.kill());
    const said = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    expect((await said.next()).value).toBe("open");
    const text = Array.from({ length: MORE_THAN_FITS / 8 }, (_, index) => String(index).padStart(8)).join("");
    const file = open(path);
    file.write(Buffer.from(text));
    file.close();
    expect((await said.next()).value).toBe(createHash("sha256").update(text).digest("hex"));
  });

  it("is a pipe that nobody reads: nobody waits for that", () => {
    const path = join(folder(), "pipe");
    execFileSync("mkfifo", [path]);
    expect(write(path)).toBe(`cannot write ${path}: it is a socket, or a pipe that nobody reads: start its reader, or choose another name`);
  });

  it.skipIf(!isRoot)("is a pipe of somebody else, who would get what is written: it is refused", () => {
    const path = join(folder(), "pipe");
    execFileSync("mkfifo", [path]);
    chownSync(path, 33, 33);
    expect(write(path)).toBe(`${path} is a pipe of another user: choose another name`);
    expect(write(path, { replace: true })).toBe(`${path} is a pipe of another user: choose another name`);
  });
});
