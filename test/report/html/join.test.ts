import { describe, expect, it } from "vitest";
import { joinModules } from "../../../src/report/html/join.ts";

/** Joins files as tsc writes them, and runs the result: what it leaves in `out`. */
function run(files: Record<string, string>, entry = "viewer/main.js"): unknown[] {
  const out: unknown[] = [];
  new Function(
    "out",
    joinModules(entry, (path) => files[path] ?? `throw new Error("no ${path}");`),
  )(out);
  return out;
}

describe("modules joined into one script", () => {
  it("run once each, what is imported first, and do not see each other's names", () => {
    expect(
      run({
        "viewer/main.js": `import { area as size, NAME } from "./shape.js";\nimport { half } from "../base/math.js";\nimport "./effect.js";\nconst own = 3;\nout.push(NAME, size(own), half(own));\n`,
        "viewer/shape.js": `import { half } from "../base/math.js";\nconst own = 4;\nexport const NAME = "square";\nexport function area(side) {\n    return half(side * side) * 2 + own - own;\n}\nout.push("shape");\n`,
        "base/math.js": `const own = 2;\nexport function half(value) {\n    return value / own;\n}\nout.push("math");\n`,
        "viewer/effect.js": `out.push("effect");\nexport {};\n`,
      }),
    ).toEqual(["math", "shape", "effect", "square", 9, 1.5]);
  });

  it("may export classes, generators and async functions", () => {
    expect(
      run({
        "viewer/main.js": `import { One, two, three, four } from "./all.js";\nout.push(new One().value, [...two()], typeof three, four);\n`,
        "viewer/all.js": `export class One {\n    value = 1;\n}\nexport function* two() {\n    yield 2;\n}\nexport async function three() { }\nexport let four = 4;\n`,
      }),
    ).toEqual([1, [2], "function", 4]);
  });

  it.each([
    ["a package", `import { z } from "zod";\n`],
    ["everything", `import * as all from "./all.js";\n`],
    ["a default", `import all from "./all.js";\n`],
    ["a re-export", `export { all } from "./all.js";\n`],
    ["a default export", `export default 1;\n`],
    ["the end of its tag", `const text = "</SCRIPT>";\n`],
    ["the beginning of a comment", `const text = "<!--";\n`],
  ])("cannot have %s", (_, text) => {
    expect(() => joinModules("main.js", (path) => (path === "main.js" ? text : "export const all = 1;\n"))).toThrow(
      /^main\.js cannot be joined: /,
    );
  });
});
