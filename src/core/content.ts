import { z } from "zod";

/**
 * What a text in a trace holds. `keyword`: a word that kernel or bindtrace made, the same on every machine; `release`: of a kernel,
 * with the name of its build; `setting`: the value of a sysctl; `time`; `zone`: of a clock; `host`: a machine's name;
 * `name`: of a process or program; `command`: words of a command line; `mark`: a variable of the environment; `group`: the path of
 * a control group; `address`: of IPv4 or IPv6; `sentence`: of bindtrace, maybe with foreign words behind a colon.
 * `user`, of a number: a user id.
 */
export type Content =
  | "keyword"
  | "release"
  | "setting"
  | "time"
  | "zone"
  | "host"
  | "name"
  | "command"
  | "mark"
  | "group"
  | "address"
  | "sentence"
  | "user";

/** What each text of the schemas in event.ts holds, by which redact.ts knows what to take out. A text that is not in it is a fault. */
export const contents = z.registry<{ content: Content }>();

/** A text of this content. */
export const text = (content: Exclude<Content, "user">) => z.string().register(contents, { content });
