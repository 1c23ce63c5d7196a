/** The body of every page: what is the same whatever was traced. The viewer fills it. */
export const SKELETON = `<a class="skip" href="#charts">Skip to the charts</a>
<header class="top">
  <div class="brand"><span aria-hidden="true">✗</span> bindtrace</div>
  <h1 id="summary">bindtrace report</h1>
  <button id="theme" type="button">Dark</button>
</header>
<div id="loading"><progress id="progress" max="1" value="0" aria-label="Reading the trace"></progress> <span id="progress-text">Reading the trace</span></div>
<main id="main" hidden>
  <section class="card overview" aria-label="Summary">
    <dl id="tiles"></dl>
    <dl id="facts"></dl>
    <div id="cautions"></div>
  </section>
  <section class="tools card" aria-label="Tools of the charts">
    <div class="find">
      <label for="search">Search</label>
      <input id="search" type="search" placeholder="pid, comm, port, s1 …" autocomplete="off" spellcheck="false" aria-describedby="found">
      <span id="found" role="status"></span>
    </div>
    <div class="buttons" role="group" aria-label="Time">
      <button id="pan-left" type="button" aria-label="Earlier">←</button>
      <button id="zoom-out" type="button" aria-label="Zoom out">−</button>
      <button id="zoom-all" type="button">All</button>
      <button id="zoom-in" type="button" aria-label="Zoom in">+</button>
      <button id="pan-right" type="button" aria-label="Later">→</button>
    </div>
    <output id="range" for="zoom-in zoom-out pan-left pan-right zoom-all"></output>
    <canvas id="overview" aria-hidden="true"></canvas>
  </section>
  <div class="columns">
    <div class="left">
      <div id="charts"></div>
      <ul class="legend" aria-label="Legend">
        <li><svg width="34" height="16" aria-hidden="true"><rect class="l-listening" width="34" height="16"/></svg> listening</li>
        <li><svg width="34" height="16" aria-hidden="true"><rect class="l-bound" x="1" y="3" width="32" height="10"/></svg> bound</li>
        <li><svg width="34" height="16" aria-hidden="true"><path class="l-connected" d="M0 8h7M10 8h7M20 8h7M30 8h4"/></svg> connected</li>
        <li><svg width="34" height="16" aria-hidden="true"><path class="l-lingering" d="M.5 2.5h33v11h-33zM3 13l11-10M10 13l11-10M17 13l11-10M24 13l9-8"/></svg> TIME_WAIT</li>
        <li><svg width="34" height="16" aria-hidden="true"><path class="l-maybe" d="M0 8h3M8 8h3M16 8h3M24 8h3M32 8h2"/></svg> maybe still there</li>
        <li><svg width="16" height="16" aria-hidden="true"><path class="l-refused" d="M3 3l10 10M13 3l-10 10"/></svg> refused</li>
        <li><svg width="16" height="16" aria-hidden="true"><path class="l-blocked" d="M8 2l6 6-6 6-6-6z"/></svg> blocked it</li>
        <li><svg width="16" height="16" aria-hidden="true"><circle class="l-exit" cx="8" cy="8" r="3.5"/></svg> a process exited</li>
        <li><svg width="34" height="16" aria-hidden="true"><path class="l-gap" d="M1 3v10M33 3v10M1 8h32"/></svg> nobody listened</li>
        <li><b aria-hidden="true">?</b> begin or end not seen</li>
      </ul>
      <section id="stories" class="card" aria-labelledby="stories-title" hidden>
        <h2 id="stories-title">What came of it</h2>
        <div id="story-list"></div>
        <button id="story-more" type="button" hidden></button>
      </section>
    </div>
    <div class="right">
      <section class="lists card" aria-label="Failures and events">
        <div role="tablist" aria-label="Lists">
          <button id="failures-tab" type="button" role="tab" aria-controls="failures-view">Failures <span id="failures-count"></span></button>
          <button id="events-tab" type="button" role="tab" aria-controls="events-view">Events <span id="events-count"></span></button>
        </div>
        <div id="failures-view" role="tabpanel" aria-labelledby="failures-tab"><p id="failures-none" hidden>No failure here.</p></div>
        <div id="events-view" role="tabpanel" aria-labelledby="events-tab" hidden><p id="events-none" hidden>No event here.</p></div>
      </section>
      <aside id="panel" class="card" role="dialog" aria-labelledby="panel-title" hidden>
        <header>
          <span id="panel-place"></span>
          <button id="panel-previous" type="button" aria-label="Failure before">←</button>
          <button id="panel-next" type="button" aria-label="Next failure">→</button>
          <button id="panel-zoom" type="button">Zoom to it</button>
          <button id="panel-close" type="button" aria-label="Close">✕</button>
        </header>
        <div id="panel-scroll">
          <h2 id="panel-title" tabindex="-1"></h2>
          <div id="panel-body"></div>
        </div>
      </aside>
    </div>
  </div>
  <p id="keys" class="keys">Drag a chart to move in time, turn the wheel on a chart that has the focus (or with Ctrl) to zoom. Keys on a chart: <kbd>←</kbd> <kbd>→</kbd> failures, <kbd>↑</kbd> <kbd>↓</kbd> events, <kbd>Enter</kbd> explains, <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom, <kbd>Shift</kbd> with <kbd>←</kbd> <kbd>→</kbd> moves, <kbd>Esc</kbd> closes. Search: a number is a pid or a port; <code>pid:</code>, <code>comm:</code> and <code>port:</code> say which.</p>
  <div id="paper"></div>
</main>
<div id="tooltip" role="tooltip" hidden></div>
<p id="status" class="unseen" role="status"></p>`;
