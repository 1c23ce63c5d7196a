import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { ROOT } from "./cli.ts";

/** A folder in which a package is packed and installed; nothing is written anywhere else. */
export interface Workshop {
  path: string;
  /** npm under the node of this folder; the registry and its credentials are those of this machine. */
  npm(args: readonly string[], nodeFolder?: string): Promise<string>;
}

/** Folders of programs of the system, behind that of the node that is tried. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Without what npm leaves to the programs that it runs, of which vitest may be one; the registry may have a certificate of its own. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|NODE_(?!EXTRA_CA_CERTS$))/i.test(name)),
);

export async function workshop(path: string): Promise<Workshop> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const script = folders.map((folder) => join(folder, "npm")).find(existsSync);
  if (script === undefined) throw new Error("npm is not in PATH");
  const cli = realpathSync(script);
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--prefer-offline"];
  const { stdout: cache } = await execa(process.execPath, [cli, "config", "get", "cache"], {
    cwd: path,
    env: environment,
    extendEnv: false,
  });
  // What was downloaded before is shared; logs, and what npx installs, stay here.
  const ownCache = join(path, "cache");
  mkdirSync(ownCache);
  if (existsSync(join(cache, "_cacache"))) symlinkSync(join(cache, "_cacache"), join(ownCache, "_cacache"));
  return {
    path,
    npm: async (args, nodeFolder = dirname(process.execPath)) => {
      const env = { ...environment, PATH: `${nodeFolder}:${SYSTEM_PATH}`, npm_config_cache: ownCache };
      const { stdout } = await execa(join(nodeFolder, "node"), [cli, ...quiet, ...args], { cwd: path, env, extendEnv: false });
      return stdout;
    },
  };
}

export interface Packed {
  tarball: string;
  files: string[];
  /** Bytes of the tarball, and of the files in it. */
  size: number;
  unpackedSize: number;
}

/** What `npm pack` makes of the tree as it was built. */
export async function pack({ npm, path }: Workshop): Promise<Packed> {
  const [packed] = JSON.parse(await npm(["pack", "--ignore-scripts", "--json", "--pack-destination", path, ROOT]));
  const files = packed.files.map((file: { path: string }) => file.path);
  return { tarball: join(path, packed.filename), files, size: packed.size, unpackedSize: packed.unpackedSize };
}

/** A node to install under, by the folder that it is in. */
export interface NodeBinary {
  version: string;
  folder: string;
}

/** The node that runs this, and those of `make programs`. */
export async function nodeBinaries(): Promise<NodeBinary[]> {
  const programs = join(ROOT, ".cache/programs");
  const others = existsSync(programs) ? readdirSync(programs).filter((name) => /^node\d+$/.test(name)) : [];
  const folders = [dirname(process.execPath), ...others.map((name) => join(programs, name, "bin"))];
  return Promise.all(
    folders.map(async (folder) => ({ version: (await execa(join(folder, "node"), ["--version"])).stdout, folder: realpathSync(folder) })),
  );
}

/** Files and links below a folder. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
