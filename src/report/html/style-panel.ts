/** The part of the style sheet that is about lists, stories and the panel of a failure. */
export const PANEL_STYLE = `
.right { position: sticky; top: 84px; min-width: 0; }
.lists { overflow: hidden; }
[role="tablist"] { display: flex; border-bottom: 1px solid var(--line); padding: 6px 8px 0; gap: 4px; }
[role="tab"] { border: 0; border-bottom: 3px solid transparent; border-radius: 7px 7px 0 0; background: none; color: var(--dim); }
[role="tab"][aria-selected="true"] { border-bottom-color: var(--accent); color: var(--ink); font-weight: 600; }
[role="tab"] span { font-size: 12.5px; font-variant-numeric: tabular-nums; margin-left: 3px; }
[role="tabpanel"] > p { padding: 14px 16px; color: var(--dim); }
.list { max-height: min(calc(100vh - 190px), 640px); overflow: auto; position: relative; }
.space { position: relative; }
.row { position: absolute; left: 0; right: 0; padding: 7px 14px; border-bottom: 1px solid var(--line); cursor: pointer; overflow: hidden; display: flex; flex-direction: column; gap: 1px; }
.row:hover { background: var(--stripe); }
.row[aria-selected="true"] { background: var(--accent-soft); box-shadow: inset 3px 0 0 var(--accent); }
.row .line { display: flex; gap: 10px; align-items: baseline; font-size: 12.5px; white-space: nowrap; overflow: hidden; }
.row .line b { color: var(--bad); }
.row .line code { color: var(--dim); overflow: hidden; text-overflow: ellipsis; }
.row .head { font-size: 13.5px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row.repeated .head { color: var(--dim); }
.row.refused .head { color: var(--bad); }

#stories { padding: 12px 16px 14px; }
#stories h2 { margin-bottom: 4px; }
.story { padding: 9px 0; border-top: 1px solid var(--line); font-size: 14px; }
.story > header { display: flex; gap: 10px; align-items: baseline; }
.story > header p { flex: 1; min-width: 0; }
.story .mark { width: 14px; font-weight: 700; }
.story.good .mark { color: var(--good); } .story.bad .mark { color: var(--bad); } .story.warning .mark { color: var(--warn); } .story.restart .mark { color: var(--accent); }
.story ol { list-style: none; margin: 6px 0 2px 24px; border-left: 2px solid var(--line); }
.story li { display: grid; grid-template-columns: 96px 84px minmax(0, 1fr) auto; gap: 2px 8px; padding: 1px 0 1px 12px; font-size: 13px; align-items: baseline; }
.story li.slowest { box-shadow: -2px 0 0 var(--lingering); }
.story em { color: var(--lingering); font-style: normal; font-weight: 600; font-size: 12.5px; }
#story-more { margin-top: 8px; }

#panel { display: flex; flex-direction: column; max-height: calc(100vh - 104px); overflow: hidden; }
.with-panel .lists { display: none; }
#panel > header { display: flex; align-items: center; gap: 6px; padding: 8px 10px 8px 16px; border-bottom: 1px solid var(--line); }
#panel > header button { min-height: 32px; padding: 3px 10px; }
#panel-place { flex: 1; color: var(--dim); font-size: 13px; font-variant-numeric: tabular-nums; }
#panel-scroll { overflow: auto; padding: 12px 16px 18px; }
#panel-title { font-size: 16px; outline-offset: 3px; }
.verdict { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: baseline; margin: 6px 0 4px; }
.badge { font-size: 12.5px; font-weight: 600; padding: 1px 9px; border-radius: 99px; border: 1px solid currentColor; }
.badge.exact { color: var(--good); } .badge.inferred { color: var(--warn); } .badge.unknown { color: var(--bad); }
.field { padding: 8px 0; border-top: 1px solid var(--line); font-size: 14px; }
.field dt { color: var(--dim); font-size: 12px; font-weight: 600; text-transform: uppercase; letter-spacing: .04em; }
.field dd p { white-space: pre-wrap; }
.field dd p + p { margin-top: 2px; }
.field.blocked-by dd p:first-child { font-family: var(--mono); font-size: 13px; }
.field.blocked-by { border-top-color: var(--bad); }
.field.rule dd { font-weight: 600; }
.field.story dd, .field.refused dd, .field.parents dd { font-family: var(--mono); font-size: 12.5px; }
.field.story dd { max-height: 17em; overflow: auto; }
.field.story dd p { padding-left: 14ch; text-indent: -14ch; }
.field.would-help dd { color: var(--good); } .field.no-help dd { color: var(--dim); }
.options { overflow-x: auto; margin-top: 8px; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
caption { text-align: left; color: var(--dim); font-size: 12px; font-weight: 600; text-transform: uppercase; letter-spacing: .04em; padding: 6px 0 3px; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-top: 1px solid var(--line); font-weight: 400; white-space: nowrap; }
thead th { font-weight: 600; } tbody th { color: var(--dim); font-family: var(--mono); font-size: 12px; } td { font-family: var(--mono); font-size: 12.5px; }
@media (max-width: 1080px) {
  #panel { position: fixed; inset: auto 0 0 0; z-index: 15; max-height: 64vh; border-radius: 14px 14px 0 0; box-shadow: 0 -8px 30px rgb(0 0 0 / .25); }
  .with-panel .lists { display: block; }
  .list { max-height: 420px; }
}
@media (max-width: 720px) {
  .story li { grid-template-columns: auto minmax(0, 1fr) auto; } .story li span:last-of-type { grid-column: 1 / -1; }
  .story ol { margin-left: 6px; } .story > header { flex-wrap: wrap; } .story > header p { flex-basis: 100%; order: 3; }
}
@media print { .story { break-inside: avoid; } .options { overflow: visible; } }
`;
