import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Contents } from "../../../src/report/html/model.ts";
import { escapeHtml, page, partsOf, scriptJson } from "../../../src/report/html/page.ts";
import { hostile } from "../hostile.ts";

const HEAD = {
  ...{ summary: "", refused: 0, explained: 0, lost: 0, facts: [], cautions: [] },
  ...{ from: 0, to: 0, midnight: 0 },
};

const contents = (overrides: Partial<Contents> = {}): Contents => ({
  ...{ head: [HEAD], processes: [], texts: [], ports: [], lanes: [], bars: [], gaps: [] },
  ...{ failures: [], refusals: [], events: [], stories: [] },
  ...overrides,
});
const CODE = { script: "start();", sha256: (text: string) => `hash-of-${text.length}` };

describe("the JSON in a script tag", () => {
  it("comes back as it was, and cannot end its tag, begin a comment or look like something else", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(hostile, fc.constantFrom("</script>", "<!--", "]]>", "\u2028\u2029", "\u202e", "\u{e0001}"))),
        (texts) => {
          const json = scriptJson(texts);
          expect(JSON.parse(json)).toEqual(texts);
          expect(json).not.toMatch(/[<>&\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        },
      ),
    );
  });
});

describe("text in the page itself", () => {
  it("is no markup", () => {
    expect(escapeHtml(`<a href="x" title='y'>&amp;</a>`)).toBe("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  });
});

describe("a page", () => {
  it("allows its own script and style and nothing else", () => {
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page(contents(), CODE, "", "")) ?? [];
    expect(policy?.split("; ").map((part) => part.replace(/hash-of-\d{4,}/, "hash-of-style"))).toEqual([
      "default-src 'none'",
      "script-src 'sha256-hash-of-8'",
      "style-src 'sha256-hash-of-style'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
  });

  it("has its policy before anything that it is for, no style or script in attributes, and no address", () => {
    const html = page(contents(), CODE, "<title>", "<plain>");
    const head = html.slice(0, html.indexOf("<style>"));
    expect(head).toContain("Content-Security-Policy");
    expect(html).not.toMatch(/ (style|on\w+|src|srcset|action)=/);
    expect(html.match(/href="[^"]*"/g)).toEqual(['href="#charts"']);
    expect(html).not.toMatch(/https?:|url\(|@import/);
    expect(html).toContain("<title>&lt;title&gt;</title>");
    expect(html).toContain("<noscript><pre>&lt;plain&gt;</pre></noscript>");
  });

  it("carries its contents in parts, each in a tag of its own, before the script", () => {
    const html = page(contents({ texts: ["a", "</script>"] }), CODE, "", "");
    const tags = [...html.matchAll(/<script type="application\/json">(.*)<\/script>/g)].map(([, json = ""]) => JSON.parse(json));
    expect(tags).toEqual([
      ["head", [HEAD]],
      ["texts", ["a", "</script>"]],
    ]);
    expect(html.slice(html.lastIndexOf("<script>"))).toBe("<script>start();</script>\n</body>\n</html>\n");
  });
});

describe("parts", () => {
  it("have all items once, in their order, and end soon after their length", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 30 })), fc.integer({ min: 1, max: 100 }), (texts, length) => {
        const parts = [...partsOf(contents({ texts }), length)].filter(([kind]) => kind === "texts").map(([, items]) => items as string[]);
        expect(parts.flat()).toEqual(texts);
        for (const items of parts) {
          expect(items.length).toBeGreaterThan(0);
          expect(items.slice(0, -1).reduce((sum, text) => sum + JSON.stringify(text).length, 0)).toBeLessThan(length);
        }
      }),
    );
  });
});
