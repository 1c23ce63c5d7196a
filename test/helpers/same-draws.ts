import fc from "fast-check";

/** What properties are tried with is drawn alike each time, unless told (DRAWS=7 npx vitest run): luck would decide else. */
fc.configureGlobal({ seed: Number(process.env.DRAWS ?? 1) });
