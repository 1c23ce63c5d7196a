export declare const SCHEMAS: Readonly<Record<string, string>>;
