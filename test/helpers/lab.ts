import { spawn } from "node:child_process";
import { resolve as absolute } from "node:path";
import { StringDecoder } from "node:string_decoder";

/** The program, which `make lab` builds; everything that uses it is started at the top of the repository. */
export const LAB = absolute(".cache/lab/sockets");
const PROBLEM = "error: ";

/** An answer of the lab (test/lab/sockets/README.md). */
export interface Answer {
  ok: boolean;
  /** The refusal of the kernel, such as EADDRINUSE. */
  errno: string | null;
  /** What was wrong with the command. */
  problem: string | null;
  /** The key=value words after ok. */
  fields: Record<string, string>;
}

export function parseAnswer(line: string): Answer {
  if (line.startsWith(PROBLEM)) return { ok: false, errno: null, problem: line.slice(PROBLEM.length), fields: {} };
  if (!/^ok\b/.test(line)) return { ok: false, errno: line, problem: null, fields: {} };
  const words = line.split(" ").map((word) => ({ word, at: word.indexOf("=") }));
  const fields = words.filter(({ at }) => at > 0).map(({ word, at }) => [word.slice(0, at), word.slice(at + 1)]);
  return { ok: true, errno: null, problem: null, fields: Object.fromEntries(fields) };
}

export interface Lab {
  pid: number;
  /** Sends the commands at once and resolves with an answer for each, in order; several may be under way. */
  run(commands: readonly string[]): Promise<string[]>;
  /** Ends the lab, with all its processes. */
  close(): Promise<{ exitCode: number | null; stderr: string }>;
}

interface Run {
  expected: number;
  answers: string[];
  resolve(answers: string[]): void;
  reject(reason: Error): void;
}

const isAnswered = (command: string) => !/^[ \t\r]*(#|$)/.test(command);

/** Starts the lab; `netns` puts it into a network namespace of its own. */
export function openLab(options: { netns?: boolean; args?: readonly string[] } = {}): Lab {
  const lab = spawn(LAB, [...(options.netns ? ["--netns"] : []), ...(options.args ?? [])], { stdio: "pipe" });
  const runs: Run[] = [];
  let stderr = "";
  let rest = "";
  let problem: Error | null = null;
  const utf8 = new StringDecoder("utf8");

  function deliver(answers: readonly string[]): void {
    for (const answer of answers) {
      const run = runs[0];
      if (!run) continue;
      run.answers.push(answer);
      if (run.answers.length < run.expected) continue;
      runs.shift();
      run.resolve(run.answers);
    }
  }
  lab.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + utf8.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    deliver(lines);
  });
  lab.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  // A lab that is gone says so below.
  lab.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => {
    const end = (what: string, exitCode: number | null) => {
      const said = stderr.trim();
      problem = new Error(`the lab ${what}${said === "" ? "" : `: ${said}`}`);
      for (const run of runs.splice(0)) run.reject(problem);
      resolve(exitCode);
    };
    lab.once("error", (error) => end(`did not start: ${error.message}`, null));
    lab.once("close", (code, signal) => end(signal === null ? `ended with exit code ${code}` : `died of ${signal}`, code));
  });

  return {
    pid: lab.pid ?? 0,
    run: (commands) =>
      new Promise((resolve, reject) => {
        const broken = commands.find((command) => command.includes("\n"));
        const expected = commands.filter(isAnswered).length;
        if (broken !== undefined) reject(new Error(`a command is one line, unlike ${JSON.stringify(broken)}`));
        else if (problem) reject(problem);
        else if (expected === 0) resolve([]);
        else {
          runs.push({ expected, answers: [], resolve, reject });
          lab.stdin.write(`${commands.join("\n")}\n`);
        }
      }),
    close: async () => {
      lab.stdin.end();
      return { exitCode: await ended, stderr };
    },
  };
}
