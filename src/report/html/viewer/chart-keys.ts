import type { Actions } from "./actions.ts";
import type { Scene } from "./scene.ts";
import { firstFrom, type PortData } from "./store.ts";

/** What a key does on the chart of a port; false for keys that are not the chart's. */
export function chartKey(event: KeyboardEvent, scene: Scene, port: PortData, actions: Actions): boolean {
  const { window } = scene;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const run = (action: () => void) => {
    action();
    return true;
  };
  switch (event.key) {
    case "ArrowLeft":
      return run(() => (event.shiftKey ? window.pan(-0.2) : chooseNext(scene, port, actions, -1)));
    case "ArrowRight":
      return run(() => (event.shiftKey ? window.pan(0.2) : chooseNext(scene, port, actions, 1)));
    case "ArrowUp":
      return run(() => pointNext(scene, port, actions, -1));
    case "ArrowDown":
      return run(() => pointNext(scene, port, actions, 1));
    case "Home":
      return run(() => actions.choose(failuresOf(port)[0] ?? -1));
    case "End":
      return run(() => actions.choose(failuresOf(port).at(-1) ?? -1));
    case "+":
    case "=":
      return run(() => window.zoom(0.6, middle(scene)));
    case "-":
      return run(() => window.zoom(1 / 0.6, middle(scene)));
    case "0":
      return run(() => window.all());
    case "Enter":
    case " ":
      return run(() => actions.open(scene.failure));
    case "Escape":
      return run(() => actions.close());
    default:
      return false;
  }
}

const failuresOf = ({ refusals }: PortData) => refusals.flatMap(([, , failure]) => (failure === -1 ? [] : [failure]));

/** What is chosen stays where it is, when it is in view. */
function middle({ window, store, failure }: Scene): number {
  const t = store.failure(failure)?.t ?? Number.NaN;
  return t >= window.from && t <= window.to ? t : (window.from + window.to) / 2;
}

function chooseNext(scene: Scene, port: PortData, actions: Actions, step: -1 | 1): void {
  const failures = failuresOf(port);
  const position = failures.indexOf(scene.failure);
  const next = position === -1 ? (step === 1 ? 0 : failures.length - 1) : position + step;
  const failure = failures[next];
  if (failure !== undefined) actions.choose(failure);
}

/** The event before or after the one that is pointed at; else the first one in view. */
function pointNext({ store, window, event }: Scene, { events }: PortData, actions: Actions, step: -1 | 1): void {
  const timeOf = (position: number) => store.event(events[position] ?? -1)?.[1] ?? 0;
  const inView = firstFrom(events.length, timeOf, window.from);
  const position = events.indexOf(event);
  const next = events[position === -1 ? inView : position + step];
  if (next !== undefined) actions.point(next);
}
