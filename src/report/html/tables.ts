import { escapeText } from "../text.ts";
import type { ProcessItem } from "./model.ts";

/** Texts that are said many times: each is written once. */
export class Texts {
  readonly items: string[] = [];
  readonly #indexes = new Map<string, number>();

  /** The index of a text; foreign text in it is escaped. */
  of(text: string): number {
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    this.#indexes.set(text, this.items.length);
    return this.items.push(escapeText(text)) - 1;
  }
}

/** Every process that an event or a failure names. */
export class Processes {
  readonly items: ProcessItem[] = [];
  readonly #indexes = new Map<string, number>();

  of({ pid, comm }: { pid: number; comm: string }): number {
    const key = `${pid} ${comm}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    this.#indexes.set(key, this.items.length);
    return this.items.push([pid, escapeText(comm)]) - 1;
  }
}
