export declare const PAGE: string;
export interface Block {
  kind: "console" | "sql";
  line: number;
  source: string;
  /** With what stands below it. */
  whole: string;
}
export declare function missing(kind: Block["kind"]): string | null;
export declare function blocks(text: string): Block[];
export declare function withColumns(text: string): string;
export declare class Kitchen {
  static open(): Promise<Kitchen>;
  readonly folder: string;
  cook(block: Block): Promise<string>;
  shell(command: string, cwd?: string): Promise<string[]>;
  /** What DuckDB answers: the names of the columns, then the rows. */
  ask(query: string): Promise<unknown[][]>;
  close(): void;
}
