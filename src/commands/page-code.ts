import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { joinModules } from "../report/html/join.ts";
import type { PageCode } from "../report/html/page.ts";

/** Where the compiled viewer is; source and package have the same folders. */
const DIST = new URL("../", import.meta.url);
const VIEWER = "report/html/viewer/main.js";

/** What a page of the HTML report needs of this package. */
export function pageCode(): PageCode {
  return {
    script: joinModules(VIEWER, (path) => readFileSync(new URL(path, DIST), "utf8")),
    sha256: (text) => createHash("sha256").update(text).digest("base64"),
  };
}
