/** `import { a, b } from "./other.js";` as tsc writes it, and `import "./other.js";`. */
const IMPORT = /^import (?:\{([^}]*)\} from )?"([^"]+)";\n?/gm;
const EXPORT = /^export (?=(?:const|let|class|(?:async )?function\*?) (\w+))/gm;
/** What tsc leaves of a module that exported nothing but types. */
const NOTHING = /^export \{\};\n?/gm;

/**
 * Joins modules into one script that needs no loader: each becomes a function that gives back what it exports, after those that it
 * imports. Throws where a module asks for more than names from files beside it.
 *
 * `entry` and what `read` is asked for are paths with `/`, relative to the same folder.
 */
export function joinModules(entry: string, read: (path: string) => string): string {
  const names = new Map<string, string>();
  const texts: string[] = [];
  const take = (path: string): string => {
    const known = names.get(path);
    if (known !== undefined) return known;
    const name = `module${names.size}`;
    names.set(path, name);
    const source = read(path);
    const imported = [...source.matchAll(IMPORT)].map(([statement, wanted = "", from = ""]) => {
      if (!from.startsWith(".")) throw new Error(`${path} cannot be joined: ${statement.trim()}`);
      return `const {${wanted.replaceAll(" as ", ": ")}} = ${take(resolve(path, from))};`;
    });
    const exported = [...source.matchAll(EXPORT)].map(([, what]) => what);
    const body = source.replace(IMPORT, "").replace(NOTHING, "").replace(EXPORT, "").trim();
    const left = /^\s*(import|export)\b.*|<\/script|<!--/im.exec(body);
    if (left) throw new Error(`${path} cannot be joined: ${left[0].trim()}`);
    texts.push([`const ${name} = (() => {`, ...imported, body, `return { ${exported.join(", ")} };`, "})();"].join("\n"));
    return name;
  };
  take(entry);
  return `(() => {\n"use strict";\n${texts.join("\n")}\n})();`;
}

/** The path that a relative import of a module means. */
function resolve(importer: string, path: string): string {
  const result: string[] = [];
  for (const part of [...importer.split("/").slice(0, -1), ...path.split("/")]) {
    if (part === "..") result.pop();
    else if (part !== ".") result.push(part);
  }
  return result.join("/");
}
