import fc from "fast-check";

// Else luck would decide whether a mutant is noticed.
fc.configureGlobal({ seed: 1 });
