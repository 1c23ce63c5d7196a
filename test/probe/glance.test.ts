import { expect, it } from "vitest";
import { LineFields } from "../../src/probe/fields.ts";
import { readGlance } from "../../src/probe/glance.ts";
import { Printer } from "./printed.ts";

const read = (...lines: string[]) =>
  readGlance(
    lines.map((line) => LineFields.parse(line)).filter((fields) => fields !== null),
    (jiffies) => Number(jiffies) * 10,
  );

it("reads the owners of one walk, and how crowded their slot is", () => {
  const print = new Printer();
  const waiting = print.owner({ sk: 2n, common: { state: 6, peer: "127.0.0.1", peerPort: 9 }, substate: 6, expires: 7n });
  const seen = read(print.slot(3), print.owner(), waiting, print.walk({ op: 3, printed: 2 }));
  expect(seen).toMatchObject({ slotSize: 3, walk: { protocol: "tcp", port: 8080, visited: 2, printed: 2, missed: 0, lost: false } });
  expect(seen?.walk.owners).toMatchObject([
    { state: "LISTEN", inode: 100, uid: 1000 },
    { state: "TIME_WAIT", inode: null, expiresAt: 70 },
  ]);
});

it("notices a line that was lost", () => {
  const print = new Printer();
  print.owner();
  expect(read(print.slot(3), print.owner(), print.walk({ op: 3, printed: 2 }))?.walk.lost).toBe(true);
  expect(read(print.slot(3), print.owner())).toBeNull();
});

it("takes an owner whose line is malformed as lost, and no walk from a malformed end", () => {
  const print = new Printer();
  const [slot, owner, walk] = [print.slot(3), print.owner(), print.walk({ op: 3, printed: 1 })];
  const cut = (line: string) => line.slice(0, line.lastIndexOf(" "));
  expect(read(slot, cut(owner), walk)?.walk).toMatchObject({ owners: [], lost: true });
  expect(read(slot, owner, cut(walk))).toBeNull();
  expect(read(slot, owner, walk.replace(" 8080 ", " 80800 "))).toBeNull();
  expect(read("bt:slot -", owner, walk)?.walk.lost).toBe(true);
});

it("of UDP knows that nothing listens", () => {
  const print = new Printer();
  const seen = read(print.slot(1), print.owner({ common: { state: 7 } }), print.walk({ op: 3, udp: true, printed: 1 }));
  expect(seen?.walk.owners).toMatchObject([{ protocol: "udp", state: "BOUND" }]);
});
