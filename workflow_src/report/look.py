"""The style sheet of the page: light and dark, narrow and wide, screen and paper; no font but those of the machine."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d2126; --soft: #5a6470; --line: #dcdfe3; --wash: #f3f4f2; --accent: #1f5a8a;
  --good: #1c6b45; --bad: #a3382b; --open: #7d5a00; --card: #fff;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181c; --ink: #e4e6e8; --soft: #a2abb5; --line: #333a42; --wash: #1d2228; --accent: #8cc0ea;
  --good: #7fcfa4; --bad: #f09a8c; --open: #e0bd62; --card: #f7f7f5; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 var(--serif); overflow-wrap: anywhere; }
.scroll { overflow-wrap: normal; }
a { color: var(--accent); text-underline-offset: .15em; text-decoration-thickness: 1px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -100vw; top: 0; padding: .6rem 1rem; background: var(--ink); color: var(--paper); z-index: 2; }
.skip:focus { left: 0; }
.page { max-width: 74rem; margin: 0 auto; padding: 0 1.25rem 4rem; }
header { padding: 3.5rem 0 1rem; }
.kicker, nav, th, td, .meta, summary, .links, .counts, .badge, dt, dd, footer, .tally { font-family: var(--sans); }
.kicker { margin: 0; color: var(--soft); font-size: .8125rem; letter-spacing: .08em; text-transform: uppercase; }
h1, h2, h3 { line-height: 1.2; font-weight: 600; text-wrap: balance; overflow-wrap: break-word; }
h1 { font-size: clamp(1.8rem, 1.2rem + 2.6vw, 3rem); margin: .4rem 0 1rem; letter-spacing: -.012em; max-width: 24em; }
h2 { font-size: 1.6rem; margin: 0 0 .75rem; }
h3 { font-size: 1.2rem; margin: 0 0 .75rem; }
p { max-width: 44em; margin: 0 0 1rem; }
.lead { font-size: 1.1875rem; }
.soft { color: var(--soft); }
dl.meta { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.25rem; margin: 1.25rem 0 0; font-size: .875rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
nav { border-block: 1px solid var(--line); margin: 1.5rem 0 0; font-size: .9rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.4rem; padding: .5rem 0; margin: 0; }
nav a { display: inline-block; padding: .3rem 0; text-decoration: none; } nav a:hover { text-decoration: underline; }
section { margin-top: 3.5rem; scroll-margin-top: 1rem; }
.tally { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; list-style: none; padding: 0; margin: 1.5rem 0 0; }
.tally li { display: flex; flex-direction: column; } .tally b { font-size: 1.75rem; line-height: 1.1; font-weight: 600; font-variant-numeric: tabular-nums; }
.tally li > span:not(.badge) { color: var(--soft); font-size: .875rem; }
figure.plot { margin: 0 0 3rem; scroll-margin-top: 1rem; }
figure.plot .card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: clamp(.5rem, 2vw, 1.5rem); }
figure.plot .card { overflow-x: auto; } figure.plot .card a { display: block; min-width: 44rem; max-width: 62rem; margin: 0 auto; }
figure.plot img { display: block; width: 100%; height: auto; }
figcaption { margin-top: .9rem; } figcaption p { margin-bottom: .4rem; }
.counts, .links { font-size: .875rem; color: var(--soft); max-width: none; overflow-wrap: anywhere; }
.links a { margin-right: 1rem; }
code { font-family: var(--mono); font-size: .85em; overflow-wrap: anywhere; }
pre { background: var(--wash); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; max-width: 100%; }
pre code { overflow-wrap: normal; }
.scroll { overflow-x: auto; max-width: 100%; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; min-width: min(100%, 30rem); font-variant-numeric: tabular-nums lining-nums; }
caption { text-align: left; font-family: var(--sans); color: var(--soft); padding: 0 0 .5rem; font-size: .875rem; }
caption span { display: inline-block; max-width: min(44em, calc(100vw - 2.5rem)); }
thead th { border-bottom: 1.5px solid var(--ink); vertical-align: bottom; font-weight: 600; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top; } th:last-child, td:last-child { padding-right: 0; }
tbody tr + tr > * { border-top: 1px solid var(--line); } tbody th { font-weight: 500; } tbody th:not(.text, .short) { white-space: nowrap; } tbody { border-bottom: 1px solid var(--line); }
.n { text-align: right; white-space: nowrap; } .text { min-width: 14rem; max-width: 28rem; } .short { max-width: 16rem; min-width: 7rem; overflow-wrap: break-word; }
.under { display: block; color: var(--soft); font-size: .93em; font-weight: 400; } .n .under { min-width: 6rem; white-space: normal; } .reason { min-width: 9rem; max-width: 15rem; } .reason .under { margin-top: .2rem; }
.badge { display: inline-flex; gap: .4em; align-items: baseline; white-space: nowrap; font-size: .8125rem; font-weight: 600; border: 1.5px solid currentColor; border-radius: 1em; padding: .05rem .65rem; }
.supported { color: var(--good); } .not-supported { color: var(--bad); border-style: double; border-width: 3px; padding-block: 0; } .inconclusive { color: var(--open); border-style: dashed; } .untestable-here { color: var(--soft); border-style: dotted; }
details { border-top: 1px solid var(--line); } details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .7rem 0; font-size: .95rem; } details[open] > summary { padding-bottom: .9rem; }
.plain { margin-bottom: 2.5rem; scroll-margin-top: 1rem; } .plain > details { margin-top: .25rem; }
.bar { display: inline-block; width: 7rem; height: .55rem; background: var(--wash); border: 1px solid var(--line); vertical-align: middle; margin-left: .6rem; }
.bar i { display: block; height: 100%; background: var(--accent); }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem; }
@media (max-width: 36rem) { body { font-size: 1rem; } header { padding-top: 2rem; } section { margin-top: 2.75rem; } dl.meta { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } nav ul { gap: 0 1.1rem; } .text { min-width: 12rem; } }
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --wash: #f5f5f5; --card: #fff; --accent: #000;
    --good: #000; --bad: #000; --open: #000; }
  body { font-size: 9.5pt; } nav, .skip { display: none; } .page { max-width: none; padding: 0; } header { padding-top: 0; }
  figure.plot, tr { break-inside: avoid; } h2, h3, caption, thead { break-after: avoid; } .scroll, pre { overflow: visible; }
  table { font-size: 6.5pt; line-height: 1.3; min-width: 0; width: 100%; } th, td { padding: .15rem .45rem .15rem 0; } .wide { font-size: 6pt; } .wide :is(th, td) { padding-right: .25rem; }
  .text { min-width: 9rem; } .short { min-width: 4.5rem; } th, td, .text, .short { overflow-wrap: anywhere; }
  thead th, .n { overflow-wrap: normal; } .badge { padding: 0 .2rem; font-size: inherit; overflow-wrap: normal; } .n, .badge, tbody th:not(.text, .short) { white-space: normal; } .bar { display: none; }
  pre { white-space: pre-wrap; } figure.plot .card { border: 0; padding: 0; overflow: visible; } figure.plot .card a { min-width: 0; } section { margin-top: 2em; }
}
"""
