import { describe, expect, it } from "vitest";
import { asRoot, type Start } from "../../src/commands/as-root.ts";

const DEBIAN = ["/usr/local/bin", "/usr/bin"];
const NVM = "/home/ann/.nvm/v24/bin";
const NVM_SCRIPT = "/home/ann/.nvm/v24/lib/node_modules/bindtrace/dist/cli.js";
const SCRIPT = "/usr/local/lib/node_modules/bindtrace/dist/cli.js";

/** A machine with these programs: where a link or a file is, and its real path. */
function start(node: string, script: string, path: string[], programs: Record<string, string>): Start {
  const find = (name: string, folders: readonly string[]) => folders.map((folder) => programs[`${folder}/${name}`]).find(Boolean) ?? null;
  return { node, script, path, sudoPath: DEBIAN, find };
}

const SUDO = { "/usr/bin/sudo": "/usr/bin/sudo" };
const GLOBAL = { ...SUDO, "/usr/bin/node": "/usr/bin/node", "/usr/bin/npm": "/usr/lib/npm-cli.js", "/usr/local/bin/bindtrace": SCRIPT };
const WITH_NVM = { ...GLOBAL, [`${NVM}/node`]: `${NVM}/node`, [`${NVM}/npm`]: "/home/ann/npm-cli.js", [`${NVM}/bindtrace`]: NVM_SCRIPT };

const everywhere = start("/usr/bin/node", SCRIPT, DEBIAN, GLOBAL);
const nvm = start(`${NVM}/node`, NVM_SCRIPT, [NVM, ...DEBIAN], WITH_NVM);

describe("how to run the same as root", () => {
  it.each<[string, Start, string[], string]>([
    ["where sudo finds it all", everywhere, ["--port", "8080"], "run sudo bindtrace --port 8080"],
    ["with a command that sudo finds", everywhere, ["--", "npm", "start"], "run sudo bindtrace -- npm start"],
    ["words that a shell would take apart", everywhere, ["--comm", "my app"], "run sudo bindtrace --comm 'my app'"],
    ["with nvm", nvm, ["--port", "8080"], 'run sudo env "PATH=$PATH" bindtrace --port 8080'],
    ["with nvm and a command", nvm, ["--", "npm", "start"], 'run sudo env "PATH=$PATH" bindtrace -- npm start'],
    [
      "a global bindtrace under another node than sudo's",
      start(`${NVM}/node`, SCRIPT, [NVM, ...DEBIAN], { ...WITH_NVM, [`${NVM}/bindtrace`]: "" }),
      [],
      'run sudo env "PATH=$PATH" bindtrace',
    ],
    [
      "a command that sudo does not find, or finds elsewhere",
      start("/usr/bin/node", SCRIPT, [NVM, ...DEBIAN], { ...GLOBAL, [`${NVM}/pm2`]: "/home/ann/pm2.js" }),
      ["--", "pm2", "start"],
      'run sudo env "PATH=$PATH" bindtrace -- pm2 start',
    ],
    ["a command by its path", everywhere, ["--", "./serve"], "run sudo bindtrace -- ./serve"],
    [
      "an older bindtrace where sudo looks",
      start("/usr/bin/node", "/home/ann/bindtrace/dist/cli.js", DEBIAN, GLOBAL),
      ["check", "80"],
      "run sudo /usr/bin/node /home/ann/bindtrace/dist/cli.js check 80",
    ],
    [
      "not installed, and a command that sudo does not find",
      start(`${NVM}/node`, "/home/ann/bindtrace/dist/cli.js", [NVM, ...DEBIAN], WITH_NVM),
      ["--", "npm", "test"],
      `run sudo env "PATH=$PATH" ${NVM}/node /home/ann/bindtrace/dist/cli.js -- npm test`,
    ],
    [
      "no sudo",
      start("/usr/bin/node", SCRIPT, DEBIAN, { ...GLOBAL, "/usr/bin/sudo": "" }),
      ["--port", "8080"],
      `run this as root: /usr/bin/node ${SCRIPT} --port 8080`,
    ],
  ])("%s", (_, machine, words, expected) => {
    expect(asRoot(words, machine)).toBe(expected);
  });
});
