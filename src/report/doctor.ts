import type { Diagnosis, Section, SectionCode } from "../core/diagnosis.ts";
import type { DoctorRecord } from "../core/doctor-record.ts";
import type { Finding, Status } from "../core/finding.ts";
import { escapeText, paint, type Style, type TextOptions, wrap } from "./text.ts";

/** Columns before the sentences. */
const INDENT = 11;
const STYLES: Readonly<Record<Status, Style>> = { ok: "good", note: "strong", problem: "bad" };

const TITLES: Readonly<Record<SectionCode, string>> = {
  kernel: "kernel",
  rights: "rights",
  bpftrace: "bpftrace",
  hooks: "hooks",
  settings: "settings of this network namespace",
  messages: "kernel messages",
  faults: "known faults of this kernel",
};

/** The diagnosis for people: a line each, in groups, and the verdict last. */
export function doctorText({ sections, verdict }: Diagnosis, options: TextOptions): string {
  const end = wrap(escapeText(`bindtrace: ${verdict}`, options.ascii), options.width, true).join("\n");
  return `${sections.map((section) => sectionText(section, options)).join("\n")}\n${end}\n`;
}

function sectionText({ code, findings }: Section, options: TextOptions): string {
  return `${paint("strong", TITLES[code], options)}\n${findings.map((finding) => findingText(finding, options)).join("")}`;
}

function findingText({ code, status, value, fact, details = [], mend }: Finding, options: TextOptions): string {
  const setting = value === undefined ? [] : [`${code} = ${value === "" ? "(none)" : value}`];
  const [head = "", ...rest] = [...setting, fact];
  return [
    labelled(status, STYLES[status], head, options),
    ...rest.map((sentence) => labelled("", "dim", sentence, options)),
    ...details.map((detail) => labelled("", "dim", detail, options, "- ")),
    ...(mend === null ? [] : [labelled("mend", "dim", mend, options)]),
  ].join("");
}

/** A sentence behind its label; what goes on below is indented as far, and behind the mark of an item. */
function labelled(label: string, style: Style, sentence: string, options: TextOptions, mark = ""): string {
  const lines = wrap(escapeText(sentence, options.ascii), options.width - INDENT - mark.length, true);
  const head = label === "" ? " ".repeat(INDENT) : `  ${paint(style, label, options)}${" ".repeat(INDENT - 2 - label.length)}`;
  return lines.map((line, at) => `${at === 0 ? head + mark : " ".repeat(INDENT + mark.length)}${line}\n`).join("");
}

/** The diagnosis for scripts: one JSON object on one line. */
export function doctorJson({ sections, ...diagnosis }: Diagnosis): string {
  const findings = sections.flatMap((section) => section.findings.map((finding) => ({ section: section.code, ...finding })));
  const record: DoctorRecord = { type: "doctor", schema: 1, ...diagnosis, findings };
  // Whatever the kernel or bpftrace put into a sentence is safe on a terminal, too.
  return `${JSON.stringify(record, (_, value) => (typeof value === "string" ? escapeText(value) : value))}\n`;
}
