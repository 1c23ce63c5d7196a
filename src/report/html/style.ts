import { PANEL_STYLE } from "./style-panel.ts";

const LIGHT = `
  color-scheme: light;
  --page: #f3f5f8; --surface: #ffffff; --stripe: #f7f9fb; --line: #e0e5ec; --edge: #ccd4de;
  --ink: #17202c; --dim: #586577; --accent: #2457c5; --accent-soft: #e6edfb;
  --listening: #2f6fd0; --on-listening: #ffffff; --bound: #6d7c91; --connected: #0b7f74; --lingering: #a06200; --maybe: #586577; --gap: #8a5cc2;
  --bad: #c4162a; --bad-soft: #fdebed; --good: #147a45; --warn: #8f5a00; --warn-soft: #fff4dd;`;

const DARK = `
  color-scheme: dark;
  --page: #0e1217; --surface: #171c24; --stripe: #1b212a; --line: #29313d; --edge: #3a4554;
  --ink: #e7ecf3; --dim: #9ba8b9; --accent: #86b1ff; --accent-soft: #1f2c45;
  --listening: #5b9bff; --on-listening: #06122a; --bound: #97a6ba; --connected: #45c9b9; --lingering: #e3ab4f; --maybe: #9ba8b9; --gap: #b794f0;
  --bad: #ff7080; --bad-soft: #3a1b21; --good: #5ad08f; --warn: #f0b64f; --warn-soft: #33280f;`;

/** The style sheet of the page: light and dark, from 320 px on, and for paper. */
export const STYLE = `
:root {${LIGHT}
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) { :root {${DARK}
} }
:root[data-theme="light"] {${LIGHT}
}
:root[data-theme="dark"] {${DARK}
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 var(--sans); overflow-wrap: anywhere; }
h1, h2, p, dl, dd, ul, ol { margin: 0; padding: 0; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; }
button, input { font: inherit; color: inherit; }
button { background: var(--surface); border: 1px solid var(--edge); border-radius: 7px; padding: 5px 12px; min-height: 34px; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--accent); color: var(--accent); }
button:disabled { opacity: .4; cursor: default; }
button.small { min-height: 28px; padding: 1px 10px; font-size: 13px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.chart:focus-visible, .list:focus-visible { outline-offset: -3px; }
code, .at, .took { font-family: var(--mono); font-size: .87em; }
.at, .took { color: var(--dim); white-space: nowrap; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; z-index: 20; background: var(--surface); padding: 8px 12px; }

.top { display: flex; align-items: center; gap: 8px 18px; padding: 14px 24px; background: var(--surface); border-bottom: 1px solid var(--line); flex-wrap: wrap; }
.brand { font-weight: 700; letter-spacing: -.01em; }
.brand span { color: var(--bad); }
h1 { font-size: 19px; line-height: 1.3; font-weight: 600; flex: 1 1 300px; }
#loading { padding: 16px 24px; color: var(--dim); display: flex; gap: 12px; align-items: center; }
progress { accent-color: var(--accent); width: 220px; }
main { padding: 18px 24px 40px; max-width: 1760px; margin: 0 auto; }
@media (scripting: none) { #loading, .top button, .skip { display: none; } }
noscript pre { padding: 0 24px; white-space: pre-wrap; font: 13px/1.5 var(--mono); }

.overview { padding: 16px 20px; }
#tiles { display: flex; flex-wrap: wrap; gap: 8px 34px; }
.tile { display: flex; flex-direction: column; min-width: 64px; }
.tile dd { font-size: 26px; line-height: 1.2; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tile dt { color: var(--dim); font-size: 13px; }
.tile.bad dd { color: var(--bad); }
.tile.warn dd { color: var(--warn); }
#facts { display: flex; flex-wrap: wrap; gap: 3px 22px; margin-top: 12px; padding-top: 12px; border-top: 1px solid var(--line); font-size: 13px; }
#facts div { display: flex; gap: 7px; max-width: 100%; }
#facts dt { color: var(--dim); white-space: nowrap; }
#facts dd { font-family: var(--mono); font-size: 12.5px; min-width: 0; }
.caution { background: var(--warn-soft); color: var(--warn); border-radius: 7px; padding: 6px 12px; margin-top: 10px; font-size: 14px; }

.tools { position: sticky; top: 0; z-index: 5; margin: 14px 0; padding: 10px 14px; display: grid; grid-template-columns: minmax(220px, 340px) auto auto minmax(0, 1fr); gap: 8px 16px; align-items: center; }
.find { display: flex; align-items: center; gap: 8px; min-width: 0; }
.find label { font-size: 13px; color: var(--dim); }
.find input { flex: 1; min-width: 0; min-height: 34px; padding: 4px 10px; background: var(--page); border: 1px solid var(--edge); border-radius: 7px; }
#found { font-size: 12.5px; color: var(--dim); white-space: nowrap; }
#found:empty { display: none; }
#range { font: 12px/1.4 var(--mono); color: var(--dim); white-space: pre; }
.buttons { display: flex; gap: 4px; }
.buttons button { min-width: 38px; padding: 5px 9px; }
#overview { width: 100%; height: 34px; display: block; cursor: ew-resize; touch-action: none; background: var(--stripe); border-radius: 6px; }

.columns { display: grid; grid-template-columns: minmax(0, 1fr) 400px; gap: 16px; align-items: start; }
.left { min-width: 0; }
.port { margin-bottom: 14px; overflow: hidden; }
.port > header { padding: 12px 16px 8px; display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; border-bottom: 1px solid var(--line); }
h2 { font-size: 15px; font-weight: 600; line-height: 1.4; }
.counts { color: var(--dim); font-size: 13px; }
.chart { overflow: hidden auto; position: relative; }
.chart canvas { position: sticky; top: 0; display: block; touch-action: pan-y; cursor: grab; user-select: none; }
.chart canvas:active { cursor: grabbing; }
.group { padding: 7px 16px; font-size: 13px; border-top: 1px solid var(--line); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 20px; font-size: 13px; color: var(--dim); padding: 2px 4px 14px; }
.legend li { display: flex; align-items: center; gap: 7px; }
.l-listening { fill: var(--listening); } .l-bound { fill: none; stroke: var(--bound); stroke-width: 2; }
.l-connected { stroke: var(--connected); stroke-width: 4; } .l-maybe { stroke: var(--maybe); stroke-width: 3; } .l-lingering { fill: none; stroke: var(--lingering); stroke-width: 1.4; }
.l-refused { stroke: var(--bad); stroke-width: 2.4; stroke-linecap: round; } .l-blocked { fill: var(--bad); } .l-exit { fill: none; stroke: var(--dim); stroke-width: 1.6; } .l-gap { stroke: var(--gap); stroke-width: 2; }
.keys { color: var(--dim); font-size: 13px; margin-top: 18px; max-width: 90ch; }
kbd { font: 12px var(--mono); border: 1px solid var(--edge); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; }
#tooltip { position: fixed; left: 0; top: 0; z-index: 30; max-width: min(460px, calc(100vw - 16px)); padding: 7px 11px; font-size: 13px; line-height: 1.4; pointer-events: none;
  background: var(--ink); color: var(--surface); border-radius: 7px; box-shadow: 0 4px 18px rgb(0 0 0 / .25); white-space: pre-wrap; }
${PANEL_STYLE}
@media (max-width: 1080px) {
  .columns { display: flex; flex-direction: column; align-items: stretch; gap: 0; }
  .left { display: contents; }
  .right { position: static; order: 1; margin-bottom: 14px; }
  #stories { order: 2; }
}
@media (max-width: 720px) {
  .top { padding: 12px 14px; } main { padding: 12px 10px 32px; }
  h1 { flex-basis: 100%; order: 3; font-size: 17px; }
  .brand { flex: 1; }
  .overview { padding: 12px 14px; } #tiles { gap: 8px 24px; } .tile dd { font-size: 21px; } .tile { min-width: 52px; }
  .tools { position: static; grid-template-columns: minmax(0, 1fr); padding: 8px 10px; gap: 7px; }
  .buttons button { flex: 1; min-height: 40px; } #range { text-align: center; white-space: pre-wrap; }
  .port > header { padding: 10px 12px 7px; }
}
@media print {
  :root, :root[data-theme="dark"] {${LIGHT}
  --page: #ffffff;
  }
  .top button, .tools, .right, .keys, .skip, #story-more, .story button { display: none !important; }
  .columns { display: block; } main { padding: 0; max-width: none; } .card { border-color: var(--edge); break-inside: avoid-page; }
  .top { padding: 0 0 8px; } .chart { height: auto !important; overflow: visible; } #paper article { break-inside: avoid-page; margin-top: 18px; }
}
`;
