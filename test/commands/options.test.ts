import { expect, it } from "vitest";
import { textOptions } from "../../src/commands/options.ts";

it("a report is as wide as its terminal is at that moment, but not narrower than 40 columns", () => {
  const terminal = { isTTY: true, columns: 100 } as NodeJS.WriteStream;
  const options = textOptions({ color: "never" }, 0, terminal);
  const widths = [100, 60, 20, 0].map((columns) => {
    terminal.columns = columns;
    return options.width;
  });
  expect(widths).toEqual([100, 60, 40, 80]);
  expect(textOptions({ color: "never", width: 70 }, 0, terminal).width).toBe(70);
});
