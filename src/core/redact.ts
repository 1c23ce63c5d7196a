import type { z } from "zod";
import { isFlavour } from "./common-words.ts";
import { type Content, contents } from "./content.ts";
import { eventSchema, type Header, headerSchema, type TraceEvent } from "./event.ts";
import { Pseudonyms } from "./pseudonyms.ts";

type Schema = z.core.$ZodType;
/** What a redacted trace has in place of a value. */
type Replace = (value: unknown, names: Pseudonyms) => unknown;

/**
 * Takes out of a trace what tells of people and machines: names of processes and of the host, command lines, addresses, users, control
 * groups. The same thing gets the same other name throughout one trace, so that every verdict stays. Ports, ids of processes and
 * times stay as they are. A field that the schema does not know is left out, since nobody knows what it holds.
 */
export class Redactor {
  readonly header: Header;
  readonly #names: Pseudonyms;

  constructor(header: Header) {
    this.#names = new Pseudonyms(header.filters.ports);
    this.header = { ...(REPLACE_HEADER(header, this.#names) as Header), redacted: true };
  }

  /** Throws on an event of a kind that is not known: nobody knows what it holds. */
  event(event: TraceEvent): TraceEvent {
    return REPLACE_EVENT(event, this.#names) as TraceEvent;
  }
}

const KEYWORD = /^[\w.+-]{0,64}$/;

const REPLACE: Readonly<Record<Content, (value: never, names: Pseudonyms) => unknown>> = {
  keyword: (text: string) => (KEYWORD.test(text) ? text : "?"),
  release: plainRelease,
  setting: (text: string) => (/^[\d\s,-]*$/.test(text) ? text : "?"),
  time: (text: string) => (/^[\dTZ:.+-]*$/.test(text) ? text : "?"),
  zone: () => "redacted",
  host: () => "redacted",
  name: (text: string, names) => names.words(text),
  command: (text: string, names) => names.words(text),
  mark: (text: string, names) => names.mark(text),
  group: (text: string, names) => names.group(text),
  address: (text: string, names) => names.address(text),
  sentence: (text: string) => /^[\w ,]{0,80}(?=:|$)/.exec(text)?.[0] ?? "redacted",
  user: (uid: number, names) => names.user(uid),
};

/** The release of a kernel without what somebody called his own build. */
function plainRelease(release: string): string {
  const [version = "", ...parts] = release.split(/(?=[-+_.])/);
  const own = parts.findIndex((part) => !isFlavour(part.slice(1)) && part !== "+");
  if (!/^\d+$/.test(version)) return "redacted";
  return own < 0 ? release : `${[version, ...parts.slice(0, own)].join("")}-redacted`;
}

/** How values of this schema are replaced. Throws on a text whose content is not known. */
export function replaces(schema: Schema): Replace {
  const known = contents.get(schema);
  if (known) return (value, names) => REPLACE[known.content](value as never, names);
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "object":
      return replacesObject(def.shape);
    case "union":
      return replacesUnion(def as z.core.$ZodDiscriminatedUnionDef);
    case "array": {
      const element = replaces(def.element);
      return (value, names) => (value as unknown[]).map((one) => element(one, names));
    }
    case "record": {
      const [key, element] = [replaces(def.keyType), replaces(def.valueType)];
      return (value, names) =>
        Object.fromEntries(Object.entries(value as object).map(([name, one]) => [key(name, names), element(one, names)]));
    }
    case "nullable":
    case "optional":
    case "default": {
      const inner = replaces(def.innerType);
      return (value, names) => (value === null || value === undefined ? value : inner(value, names));
    }
    case "tuple": {
      const items = def.items.map(replaces);
      return (value, names) => items.map((replace, at) => replace((value as unknown[])[at], names));
    }
    case "number":
    case "boolean":
    case "literal":
    case "enum":
      return (value) => value;
    default:
      throw new Error(`a ${def.type} whose content is not known`);
  }
}

function replacesObject(shape: Readonly<Record<string, Schema>>): Replace {
  const fields = Object.entries(shape).map(([name, schema]) => [name, replaces(schema)] as const);
  return (value, names) =>
    Object.fromEntries(
      fields.flatMap(([name, replace]) => {
        const one = (value as Record<string, unknown>)[name];
        return one === undefined ? [] : [[name, replace(one, names)]];
      }),
    );
}

function replacesUnion({ options, discriminator }: z.core.$ZodDiscriminatedUnionDef): Replace {
  const byName = new Map(
    options.map((option) => {
      const { shape } = (option as z.core.$ZodObject)._zod.def;
      const [name] = (shape[discriminator] as z.core.$ZodLiteral)._zod.def.values;
      return [name as string, replaces(option)];
    }),
  );
  return (value, names) => {
    const replace = byName.get((value as Record<string, string>)[discriminator] ?? "");
    if (!replace) throw new Error(`a ${discriminator} that is not known`);
    return replace(value, names);
  };
}

const REPLACE_HEADER = replaces(headerSchema);
const REPLACE_EVENT = replaces(eventSchema);
