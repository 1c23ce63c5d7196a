/** The colours of the style sheet that a canvas needs, and what is drawn with them. */
export interface Palette {
  ink: string;
  dim: string;
  line: string;
  surface: string;
  stripe: string;
  listening: string;
  onListening: string;
  bound: string;
  connected: string;
  lingering: string;
  maybe: string;
  gap: string;
  bad: string;
  accent: string;
  sans: string;
  mono: string;
}

/** Reads the colours that hold now: light or dark, screen or paper. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: value("ink"),
    dim: value("dim"),
    line: value("line"),
    surface: value("surface"),
    stripe: value("stripe"),
    listening: value("listening"),
    onListening: value("on-listening"),
    bound: value("bound"),
    connected: value("connected"),
    lingering: value("lingering"),
    maybe: value("maybe"),
    gap: value("gap"),
    bad: value("bad"),
    accent: value("accent"),
    sans: value("sans"),
    mono: value("mono"),
  };
}
