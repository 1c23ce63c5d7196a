import type { BarItem, Contents, EventItem, FailureItem, GapItem, HeadItem, Part, PortItem, ProcessItem, RefusalItem } from "../model.ts";

/** A line of a chart: its bars and events in time order. */
export interface Track {
  lanes: number[];
  bars: BarItem[];
  events: number[];
}

export interface PortData {
  index: number;
  item: PortItem;
  tracks: Track[];
  gaps: GapItem[];
  refusals: RefusalItem[];
  /** Its events, and those of them that are ends of processes, in time order. */
  events: number[];
  exits: number[];
}

/** Everything that the page carries, with what is needed to find it by port, track and time. */
export class Store {
  readonly contents: Contents = {
    ...{ head: [], processes: [], texts: [], ports: [], lanes: [], bars: [] },
    ...{ gaps: [], failures: [], refusals: [], events: [], stories: [] },
  };
  readonly ports: PortData[] = [];

  get head(): HeadItem {
    const [head] = this.contents.head;
    if (!head) throw new Error("the page has no head");
    return head;
  }

  /** Takes one part; they come in the order of {@link Contents}. */
  add([kind, items]: Part): void {
    switch (kind) {
      case "ports":
        for (const item of items) this.ports.push(emptyPort(this.ports.length, item));
        break;
      case "lanes":
        items.forEach(([port, track], position) => {
          this.#track(port, track)?.lanes.push(this.contents.lanes.length + position);
        });
        break;
      case "bars":
        for (const bar of items) this.#trackOf(bar[0])?.bars.push(bar);
        break;
      case "gaps":
        for (const gap of items) this.ports[gap[0]]?.gaps.push(gap);
        break;
      case "refusals":
        for (const refusal of items) this.ports[refusal[0]]?.refusals.push(refusal);
        break;
      case "events":
        items.forEach((event, position) => {
          this.#addEvent(event, this.contents.events.length + position);
        });
        break;
    }
    (this.contents[kind] as unknown[]).push(...items);
  }

  failure(index: number): FailureItem | undefined {
    return this.contents.failures[index];
  }

  event(index: number): EventItem | undefined {
    return this.contents.events[index];
  }

  process(index: number): ProcessItem | undefined {
    return this.contents.processes[index];
  }

  texts(indexes: readonly number[]): string[] {
    return indexes.map((index) => this.contents.texts[index] ?? "");
  }

  #addEvent([port, , mark, lane]: EventItem, index: number): void {
    this.ports[port]?.events.push(index);
    if (mark === "exited") this.ports[port]?.exits.push(index);
    if (lane !== -1) this.#trackOf(lane)?.events.push(index);
  }

  #track(port: number, track: number): Track | undefined {
    return this.ports[port]?.tracks[track];
  }

  #trackOf(lane: number): Track | undefined {
    const [port = -1, track = -1] = this.contents.lanes[lane] ?? [];
    return this.#track(port, track);
  }
}

const emptyPort = (index: number, item: PortItem): PortData => ({
  ...{ index, item, gaps: [], refusals: [], events: [], exits: [] },
  tracks: Array.from({ length: item.tracks }, () => ({ lanes: [], bars: [], events: [] })),
});

/** Position of the first of `length` items, in time order, that is not before `t`. */
export function firstFrom(length: number, timeOf: (position: number) => number, t: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(middle) < t) low = middle + 1;
    else high = middle;
  }
  return low;
}
