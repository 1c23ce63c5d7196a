import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where install.sh puts the programs, with node_modules beside them. */
export const INSTALLED = fileURLToPath(new URL("../../../../.cache/programs/", import.meta.url));

/** Where a program is: `node22` and the like, from a Debian package, from npm, or the system's own; undefined where it is not. */
export function program(name) {
  const [, version] = name.match(/^node(\d+)$/) ?? [];
  if (version) return [`${INSTALLED}node${version}/bin/node`].find(existsSync);
  const ours = ["debian/usr/sbin", "debian/usr/bin", "node_modules/.bin"].map((folder) => `${INSTALLED}${folder}`);
  const folders = [...ours, "/usr/sbin", ...(process.env.PATH ?? "").split(":")];
  return folders.map((folder) => `${folder}/${name}`).find(existsSync);
}

/** Debian's, for which its packages are made. */
export const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** The path of a file of apps/. */
export const app = (name) => fileURLToPath(new URL(`../apps/${name}`, import.meta.url));

/** What they need of an environment, and nothing of ours that could change what they do. */
export const ENVIRONMENT = {
  PATH: process.env.PATH,
  LANG: "C.UTF-8",
  NO_COLOR: "1",
  LD_LIBRARY_PATH: `${INSTALLED}debian/usr/lib/${{ x64: "x86_64", arm64: "aarch64" }[process.arch]}-linux-gnu`,
  PYTHONPATH: `${INSTALLED}debian/usr/lib/python3/dist-packages`,
  PYTHONDONTWRITEBYTECODE: "1",
  PYTHONUNBUFFERED: "1",
};
