// The JSON Schemas of what bindtrace writes, from the zod schemas of the built program (dist/).
// node test/schemas/schemas.mjs writes them to schemas/ (make schemas); test/schemas/schemas.test.ts compares.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { checkRecordSchema } from "../../dist/core/check-record.js";
import { doctorRecordSchema } from "../../dist/core/doctor-record.js";
import { eventSchema, headerSchema } from "../../dist/core/event.js";
import { flatRowSchema } from "../../dist/core/flat-row.js";
import { outputRecordSchema } from "../../dist/core/record.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const SOURCES = {
  "schemas/report.schema.json": outputRecordSchema,
  "schemas/check.schema.json": checkRecordSchema,
  "schemas/doctor.schema.json": doctorRecordSchema,
  "schemas/ndjson.schema.json": flatRowSchema,
  "schemas/trace-header.schema.json": headerSchema,
  "schemas/trace-event.schema.json": eventSchema,
};

/** Each schema as text, by its file. As input: fields that are not named are allowed, and those with a default may be left out. */
export const SCHEMAS = Object.fromEntries(
  Object.entries(SOURCES).map(([file, source]) => {
    const { $schema, ...schema } = z.toJSONSchema(source, { target: "draft-2020-12", io: "input", override: withoutSafeBounds });
    return [file, `${JSON.stringify({ $schema, $id: file, ...schema }, null, 2)}\n`];
  }),
);

/** That a number is exact in JavaScript is no limit of the format. */
function withoutSafeBounds({ jsonSchema }) {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of Object.entries(SCHEMAS)) writeFileSync(join(ROOT, file), text);
}
