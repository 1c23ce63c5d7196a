import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

export const pathFolders = (): string[] => (process.env.PATH ?? "").split(delimiter);

/** Real path of the program of this name in the first of the folders that has it, null where none has. */
export function findProgram(name: string, folders: readonly string[]): string | null {
  const file = folders.map((folder) => join(folder, name)).find(isProgram);
  return file === undefined ? null : realpathSync(file);
}

/** Whether this names a program that can be run, by path or through PATH. */
export function isRunnable(command: string): boolean {
  return command.includes("/") ? isProgram(command) : findProgram(command, pathFolders()) !== null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
