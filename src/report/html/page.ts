import type { Contents, Part } from "./model.ts";
import { SKELETON } from "./skeleton.ts";
import { STYLE } from "./style.ts";

/** What a page needs besides its contents. */
export interface PageCode {
  /** The viewer as one script. */
  script: string;
  /** The SHA-256 of a text in base64: only this script and this style may run in the page. */
  sha256(text: string): string;
}

/** Characters of JSON in one script tag: the viewer reads one tag without a pause. */
const PART_LENGTH = 100_000;

/**
 * The whole page. It asks for nothing outside itself, and may not: by its Content-Security-Policy (W3C, CSP Level 3) nothing is
 * loaded, no script runs but the viewer, and no text can become markup (Trusted Types). `plain`: what is shown where no script runs.
 */
export function page(contents: Contents, { script, sha256 }: PageCode, title: string, plain: string): string {
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${sha256(script)}'`,
    `style-src 'sha256-${sha256(STYLE)}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body aria-busy="true">
${SKELETON}
<noscript><pre>${escapeHtml(plain)}</pre></noscript>
${[...partsOf(contents)].map((part) => `<script type="application/json">${scriptJson(part)}</script>\n`).join("")}<script>${script}</script>
</body>
</html>
`;
}

/** The contents in parts that are not much longer than one script tag should be. */
export function* partsOf(contents: Contents, length = PART_LENGTH): Generator<Part> {
  for (const [kind, items] of Object.entries(contents)) {
    let [start, room] = [0, length];
    for (let index = 0; index < items.length; index++) {
      room -= JSON.stringify(items[index]).length;
      if (room > 0 && index < items.length - 1) continue;
      yield [kind, items.slice(start, index + 1)] as Part;
      [start, room] = [index + 1, length];
    }
  }
}

/**
 * JSON that cannot end its script tag nor begin a comment in it (HTML, "Restrictions for contents of script elements"), and that
 * an editor shows as it is.
 */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()].map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
