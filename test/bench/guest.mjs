// guest.mjs KERNEL FILE: the table of what measure.mjs measured in the guest of this kernel.

import { readFileSync } from "node:fs";
import { againstStrace, completeness, fastest, HEAD, ratioRows } from "./ratios.mjs";
import { publish } from "./table.mjs";

const [kernel, file] = process.argv.slice(2);
const measured = JSON.parse(readFileSync(file, "utf8"));
const refused = measured.refused.length > 0 ? [`Not in this guest: ${measured.refused.map((name) => `\`${name}\``).join(", ")}.`] : [];
publish(`guest-${kernel}`, {
  command: `make bench-vm KERNEL=${kernel}`,
  facts: `${measured.facts}, in QEMU without KVM; untraced = 1, fastest of ${measured.chunks} chunks by the guest's own clock.`,
  head: HEAD,
  rows: [
    ...ratioRows(measured, fastest),
    ...againstStrace(measured, fastest).map(([name, ...cells]) => [`${name}, against strace`, ...cells]),
  ],
  notes: [completeness(measured), ...refused],
});
