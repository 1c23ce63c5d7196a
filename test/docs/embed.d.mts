export declare const DOCUMENTS: readonly string[];
export declare function embedded(document: string): string;
