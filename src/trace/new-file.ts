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
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";

/** What bindtrace writes holds command lines: it is its owner's alone. */
const MODE = 0o600;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND, O_NONBLOCK } = constants;
/** Of a folder: only its owner and theirs take away the files of others (chmod(2)). */
const S_ISVTX = 0o1000;

export interface NewFileOptions {
  /** Put it in the place of a file that is there. */
  replace: boolean;
  /** Give the file to this user (under sudo: who called it), null to leave it. */
  owner: { uid: number; gid: number } | null;
}

/** What is opened to be written to. A file that it is to replace stays until there is something to put in its place. */
export class NewFile {
  readonly #open: () => number;
  readonly #takeBack: () => void;
  #fd: number | null = null;
  #hasFailed = false;

  /** `open`: gives the descriptor, once there is something to write. `takeBack`: called instead, where there is nothing. */
  constructor(open: () => number, takeBack = () => {}) {
    this.#open = open;
    this.#takeBack = takeBack;
  }

  /** Writes all of it. Throws what write(2) says, or what keeps it from the place of another. */
  write(bytes: Buffer): void {
    writeAll(this.#opened(), bytes);
  }

  /** The end of it: a file is on the disk then, an empty one, too. Throws where the disk says that it is not. */
  close(): void {
    if (this.#hasFailed) return;
    const fd = this.#opened();
    try {
      if (fstatSync(fd).isFile()) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Takes it back where nothing came to be written: a file that it was to replace is as it was. */
  discard(): void {
    if (this.#fd === null && !this.#hasFailed) this.#takeBack();
  }

  #opened(): number {
    if (this.#fd !== null) return this.#fd;
    this.#hasFailed = true;
    this.#fd = this.#open();
    this.#hasFailed = false;
    return this.#fd;
  }
}

/**
 * Opens a file to write to, always a new one, so that nobody else has it open, can read it, or led it elsewhere by a link: a link
 * itself is replaced, never followed. Devices and pipes are opened as they are, links in /dev and /proc (/dev/stdout) lead on.
 * It waits for nobody. The error is a sentence for people.
 */
export function openNew(path: string, options: NewFileOptions): Result<NewFile, string> {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there && isStream(path, there)) return openStream(path, there, options);
    if (there?.isDirectory()) return fail(`${path} is a folder: name a file in it`);
    if (there && !options.replace) return fail(`${path} exists already: choose another name, or add --force to replace it`);
    if (there && isKept(path, there)) return fail(`cannot write ${path}: choose a place where you may write`);
    return ok(there ? openReplacing(path, options) : openMade(path, options));
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
  // Who waits here for the reader of a pipe hears no signal meanwhile.
  const fd = openSync(path, O_WRONLY | O_APPEND | O_NONBLOCK | (stats.isSymbolicLink() ? 0 : O_NOFOLLOW));
  const opened = fstatSync(fd);
  if (stats.isSymbolicLink() || (opened.dev === stats.dev && opened.ino === stats.ino)) return ok(new NewFile(() => fd));
  closeSync(fd);
  return fail(`${path} was exchanged while it was opened: choose another name`);
}

/** In a sticky folder nobody's file is replaced but by its owner, the folder's, and root (rename(2)): better known now than then. */
function isKept(path: string, { uid }: Stats): boolean {
  const folder = statSync(dirname(path));
  const me = process.geteuid?.();
  return (folder.mode & S_ISVTX) !== 0 && me !== 0 && me !== uid && me !== folder.uid;
}

/** The name is taken at once: nobody else comes to it. */
function openMade(path: string, options: NewFileOptions): NewFile {
  const fd = made(path, options);
  return new NewFile(
    () => fd,
    () => takeBack(path, fd),
  );
}

/** Whether a file can be made beside it is found at once; the one that takes the name is made for what is written. */
function openReplacing(path: string, options: NewFileOptions): NewFile {
  const trial = passingName(path);
  takeBack(trial, made(trial, options));
  return new NewFile(() => replaced(path, options));
}

/** The new file takes the name in one step, with nothing lost where it cannot be made. */
function replaced(path: string, options: NewFileOptions): number {
  const passing = passingName(path);
  const fd = made(passing, options);
  return orTakeBack(passing, fd, () => renameSync(passing, path));
}

/** A name that nobody has or foresees, in the same folder. */
const passingName = (path: string) => join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}`);

function made(path: string, { owner }: NewFileOptions): number {
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  return orTakeBack(path, fd, () => {
    // Whatever the umask takes away.
    fchmodSync(fd, MODE);
    if (owner) fchownSync(fd, owner.uid, owner.gid);
  });
}

/** Nothing is left of a file with which this cannot be done. */
function orTakeBack(path: string, fd: number, rest: () => void): number {
  try {
    rest();
    return fd;
  } catch (error) {
    takeBack(path, fd);
    throw error;
  }
}

function takeBack(path: string, fd: number): void {
  closeSync(fd);
  unlinkSync(path);
}

/** Nobody is waited for longer than this (ms) before a full pipe is tried again. */
const PIPE_WAIT = 5;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it, and waits for the reader of a pipe that is full. Throws what write(2) says. */
function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(never, 0, 0, PIPE_WAIT);
    }
  }
}

function openProblem(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
      return existsSync(dirname(path))
        ? `cannot write ${path}: choose a place where you may write`
        : `the folder of ${path} does not exist: create it first`;
    case "ENXIO":
      return `cannot write ${path}: it is a socket, or a pipe that nobody reads: start its reader, or choose another name`;
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
