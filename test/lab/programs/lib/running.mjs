import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { until } from "./wait.mjs";

/** What is printed, line by line. */
class Output {
  #read = 0;

  /** The match in the first line of all that has one. */
  said(pattern) {
    return until(() =>
      this.lines()
        .map((line) => line.match(pattern))
        .find(Boolean),
    );
  }

  /** The match in the next line that has one; lines before it are passed over. */
  says(pattern) {
    return until(() => {
      for (const line of this.lines().slice(this.#read)) {
        this.#read += 1;
        const match = line.match(pattern);
        if (match) return match;
      }
      return null;
    });
  }
}

/** What a program that prints elsewhere appends to a file. */
export class Log extends Output {
  constructor(path) {
    super();
    this.path = path;
  }

  lines() {
    return existsSync(this.path) ? readFileSync(this.path, "utf8").split("\n").slice(0, -1) : [];
  }
}

/** A program that was started. */
export class Running extends Output {
  #rest = "";
  #lines = [];

  constructor(child) {
    super();
    this.child = child;
    this.pid = child.pid;
    this.exited = new Promise((resolve, reject) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", reject);
    });
    this.exited.catch(() => {}); // it is for those who wait
    for (const stream of child.stdio.slice(1)) {
      stream?.on("data", (chunk) => this.#hear(String(chunk)));
      stream?.on("end", () => this.#rest !== "" && this.#hear("\n"));
    }
  }

  #hear(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    this.#lines.push(...lines);
  }

  lines() {
    return this.#lines;
  }

  get name() {
    return `${basename(this.child.spawnfile)}[${this.pid}]`;
  }

  /** Ends it, and waits for that. */
  async end(signal = "SIGTERM") {
    this.child.kill(signal);
    await this.exited;
  }

  /** Waits for its exit with 1, as of a server that was refused. */
  async failed() {
    const { code } = await this.exited;
    if (code !== 1) throw new Error(`${this.name} exited with ${code}`);
  }
}
