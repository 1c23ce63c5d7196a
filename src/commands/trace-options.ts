import { ATTACHMENTS, type Attachment, type OptionalProbe } from "../core/probes.ts";
import type { ReportOptions } from "./options.ts";
import type { SaveOptions } from "./saving.ts";

export interface TraceOptions extends ReportOptions, SaveOptions {
  untilFailure?: boolean;
  duration?: number;
  linger?: number;
  light?: boolean;
  hooks: Hooks;
  withoutProbe?: OptionalProbe[];
  buffer?: number;
  printProgram?: boolean;
  exitCode?: "verdict" | "child";
}

/** What `--hooks` may say, and the ways to attach that it stands for, best first. */
export const HOOKS = {
  auto: ATTACHMENTS,
  kernel: ["fentry", "kprobe"],
  fentry: ["fentry"],
  kprobe: ["kprobe"],
  tracepoint: ["tracepoint"],
} as const satisfies Record<string, readonly Attachment[]>;
type Hooks = keyof typeof HOOKS;
