import { describe, expect, it } from "vitest";
import type { FilterOptions } from "../../src/commands/options.ts";
import { storyOptions } from "../../src/commands/report-choice.ts";
import { Story } from "../../src/core/story.ts";
import { bind, facts, header, refused } from "../helpers/events.ts";

/** The ports of which the report of these two refusals tells: one of port 8080, one of any free port, by another process. */
function shown(options: FilterOptions, inCommand = false): number[] {
  const head = header({ filters: { ports: [] } });
  const story = new Story(head, storyOptions(options, head, null));
  const other = { sk: 3, inode: 301, port: 0 };
  const free = { family: "ipv4" as const, address: "0.0.0.0", port: 0 };
  story.apply(bind({ t: 1, socket: facts() }));
  story.apply(refused([facts()], { t: 2, enteredAt: 2 }));
  story.apply(refused([], { t: 3, enteredAt: 3, pid: 40, tid: 40, socket: facts(other), requested: free, inCommand }));
  story.finish();
  return story.timelines().map(({ port }) => port);
}

describe("a port has a timeline", () => {
  it.each<[string, FilterOptions, number[]]>([
    ["where a refusal of it is reported", {}, [8080, 0]],
    ["not where it is that of another process than the one asked for", { pid: 40 }, [0]],
    ["where it is asked for, whatever is reported of it", { port: [[8080, 8080]], pid: 40 }, [8080]],
    ["not where another port is asked for", { port: [[9000, 9000]] }, []],
  ])("%s", (_, options, ports) => {
    expect(shown(options)).toEqual(ports);
  });

  it("also if any free port would have done, and the command wanted one", () => {
    expect(shown({ port: [[8080, 8080]] }, true)).toEqual([8080, 0]);
  });
});
