import { InvalidArgumentError } from "commander";

const MAX_PORT = 65535;

/** Reads `8080,9000-9010`, adding to what earlier --port options said. */
export function parsePorts(text: string, previous: [number, number][] = []): [number, number][] {
  return [...previous, ...text.split(",").map(parseRange)];
}

function parseRange(text: string): [number, number] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text.trim());
  if (!match?.[1])
    throw new InvalidArgumentError(`'${text}' is not a port: give a number such as 8080, a list or a range such as 9000-9010.`);
  const low = Number(match[1]);
  const high = match[2] === undefined ? low : Number(match[2]);
  for (const port of [low, high]) {
    if (port < 1 || port > MAX_PORT) throw new InvalidArgumentError(`${port} is not a port: ports go from 1 to ${MAX_PORT}.`);
  }
  if (high < low) throw new InvalidArgumentError(`the range ${text} runs backwards: write ${high}-${low}.`);
  return [low, high];
}

/** Reads the one port to check. */
export function parsePort(text: string): number {
  if (/^0+$/.test(text)) {
    throw new InvalidArgumentError("bind to port 0 takes whatever port is free, so no owner can refuse it: give a port from 1 to 65535.");
  }
  const [low, high] = parseRange(text);
  if (low !== high) throw new InvalidArgumentError(`one port at a time can be checked: give a number such as ${low}.`);
  return low;
}
