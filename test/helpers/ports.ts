/**
 * The ports of tests that trace, no two of which have one in common: their files run in parallel, and a trace sees every network
 * namespace.
 */
export const PORTS = {
  situations: 8080,
  race: 18_081,
  storm: 18_082,
  check: 18_083,
  status: 18_084,
  facts: 18_085,
  /** One for each hostile name. */
  hostile: 18_100,
  chaos: [18_190, 18_191, 18_192, 18_193],
  /** The first of those by pid. */
  control: 20_000,
  hardDays: 24_000,
  sudo: 28_000,
  /** In the range that the kernel gives out, as ephemeral-collision wants it. */
  programs: 45_080,
  installed: 45_123,
  installedSudo: 45_124,
  rights: 45_126,
};

/** Tests of a file with a port for each, and runs beside each other that have others: as many ports as the table has room for. */
const TESTS = 50;
const RUNS = 80;

/** The port before that of a file's first test. */
export const portByPid = (first: number): number => first + (process.pid % RUNS) * TESTS;
