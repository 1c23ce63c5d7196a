import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";

/** What bindtrace writes holds command lines: it is its owner's alone. */
const MODE = 0o600;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = constants;

export interface NewFileOptions {
  /** Put it in the place of a file that is there. */
  replace: boolean;
  /** Give the file to this user (under sudo: who called it), null to leave it. */
  owner: { uid: number; gid: number } | null;
}

export interface NewFile {
  fd: number;
  /** It was made by this; false for a device or a pipe. */
  created: boolean;
}

/**
 * Opens a file to write to, always a new one, so that nobody else has it open, can read it, or led it elsewhere by a link: a link
 * itself is replaced, never followed. Devices and pipes are opened as they are, links in /dev and /proc (/dev/stdout) lead on.
 * The error is a sentence for people.
 */
export function openNew(path: string, options: NewFileOptions): Result<NewFile, string> {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there && isStream(path, there)) return openStream(path, there, options);
    if (there?.isDirectory()) return fail(`${path} is a folder: name a file in it`);
    if (there && !options.replace) return fail(`${path} exists already: choose another name, or add --force to replace it`);
    return ok({ fd: there ? replaced(path, options) : made(path, options), created: true });
  } catch (error) {
    return fail(openProblem(path, error as NodeJS.ErrnoException));
  }
}

/** In folders that belong to root: others than /dev/shm. */
const KERNELS_LINK = /^\/(?:dev|dev\/fd|proc\/(?:self|thread-self|\d+)\/fd)\/[^/]+$/;

/** A device or a pipe, or the kernel's own link to what is open already. */
function isStream(path: string, stats: Stats): boolean {
  if (stats.isSymbolicLink()) return KERNELS_LINK.test(resolve(path));
  return !stats.isFile() && !stats.isDirectory();
}

/** Anybody can make a pipe in /tmp and wait at its end: it has to belong to root, to this user, or to who called sudo. */
function openStream(path: string, stats: Stats, { owner }: NewFileOptions): Result<NewFile, string> {
  const isOurs = ({ uid }: Stats) => uid === 0 || uid === process.geteuid?.() || uid === owner?.uid;
  if (stats.isFIFO() && !isOurs(stats)) return fail(`${path} is a pipe of another user: choose another name`);
  const fd = openSync(path, O_WRONLY | O_APPEND | (stats.isSymbolicLink() ? 0 : O_NOFOLLOW));
  const opened = fstatSync(fd);
  if (stats.isSymbolicLink() || (opened.dev === stats.dev && opened.ino === stats.ino)) return ok({ fd, created: false });
  closeSync(fd);
  return fail(`${path} was exchanged while it was opened: choose another name`);
}

function made(path: string, { owner }: NewFileOptions): number {
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  return orTakeBack(path, fd, () => {
    // Whatever the umask takes away.
    fchmodSync(fd, MODE);
    if (owner) fchownSync(fd, owner.uid, owner.gid);
  });
}

/** The new file takes the name in one step, with nothing lost where it cannot be made. */
function replaced(path: string, options: NewFileOptions): number {
  const passing = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}`);
  const fd = made(passing, options);
  return orTakeBack(passing, fd, () => renameSync(passing, path));
}

/** Nothing is left of a file with which this cannot be done. */
function orTakeBack(path: string, fd: number, rest: () => void): number {
  try {
    rest();
    return fd;
  } catch (error) {
    closeSync(fd);
    unlinkSync(path);
    throw error;
  }
}

/** Nobody is waited for longer than this (ms) before a full pipe is tried again. */
const PIPE_WAIT = 5;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it, and waits for the reader of a pipe that is full: Node may have made that one non-blocking. Throws what write(2) says. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(never, 0, 0, PIPE_WAIT);
    }
  }
}

/** The end of a file that is written: it is on the disk then. Throws where the disk says that it is not. */
export function closeWritten(fd: number): void {
  try {
    if (fstatSync(fd).isFile()) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function openProblem(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
      return existsSync(dirname(path))
        ? `cannot write ${path}: choose a place where you may write`
        : `the folder of ${path} does not exist: create it first`;
    case "ENOTDIR":
      return `cannot write ${path}: ${dirname(path)} is no folder`;
    case "EACCES":
    case "EPERM":
      return `cannot write ${path}: choose a place where you may write`;
    case "EROFS":
      return `cannot write ${path}: that file system is read-only`;
    case "ENOSPC":
    case "EDQUOT":
      return `cannot write ${path}: the disk is full`;
    default:
      return `cannot write ${path}: ${error.message}`;
  }
}
