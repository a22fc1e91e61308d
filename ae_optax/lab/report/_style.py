"""The page's style: a paper's, on a phone, on a screen at night and in print."""

from ae_optax.lab.figures import DARK, LIGHT, css_variables

_LIGHT = (
    "--paper: #fff; --ink: #1b1b1b; --soft: #5c5c5c; --faint: #8a8a8a; --rule: #d9d9d9; "
    + css_variables(LIGHT)
)
_DARK = (
    "--paper: #141414; --ink: #e6e6e6; --soft: #a8a8a8; --faint: #7d7d7d; --rule: #3a3a3a; "
    + css_variables(DARK)
)

CSS = (
    f":root {{ color-scheme: light dark; {_LIGHT} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}\n"
    f"@media print {{ :root {{ color-scheme: light; {_LIGHT} }} }}\n"
    """\
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 1.25rem 4rem; max-width: 62.5rem;
  background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 Charter, "Bitstream Charter", "Iowan Old Style", "Source Serif 4",
    Cambria, Georgia, serif;
}
h1, h2, h3, table, .note, figure, .images, .key, .byline, pre, code, small, summary {
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; }
h1::first-letter { text-transform: uppercase; }
h2 { margin: 3rem 0 0.5rem; font-size: 1.0625rem; line-height: 1.3; font-weight: 650; }
p, dl, ul { margin: 0 0 0.8rem; max-width: 44rem; }
ul { padding-left: 1.1rem; }
.byline { margin: 0.4rem 0 1.8rem; color: var(--soft); font-size: 0.875rem; max-width: none; }
.question { color: var(--soft); white-space: pre-line; overflow-wrap: anywhere; }
.verdict { margin: 1.4rem 0 0; font-size: 1.25rem; line-height: 1.45; text-wrap: pretty; }
.flag { color: var(--c1); font-weight: 600; }
.remarks { margin-top: 0.8rem; font-size: 0.9375rem; color: var(--soft); }
/* A shadow on the right as long as there is more to see there. */
.scroll { overflow-x: auto; max-width: 100%; margin: 0.5rem 0 1rem;
  background: linear-gradient(to left, var(--paper) 1.2rem, transparent 2.4rem) right / 2.4rem 100%,
    radial-gradient(farthest-side at 100% 50%, var(--faint), transparent) right / 0.6rem 100%;
  background-attachment: local, scroll; background-repeat: no-repeat; }
table {
  border-collapse: collapse; width: 100%; font-size: 0.8125rem; line-height: 1.35;
  font-variant-numeric: tabular-nums; border-block: 1.5px solid var(--ink);
}
th, td { padding: 0.4rem 0 0.4rem 0.85rem; text-align: right; white-space: nowrap; }
thead th { vertical-align: bottom; font-weight: 500; color: var(--soft); white-space: normal;
  min-width: 4.9em; }
thead { border-bottom: 1px solid var(--faint); }
tbody tr + tr { border-top: 1px solid var(--rule); }
/* The best loss in the verdict. */
h2:first-of-type + .scroll tbody tr:first-child td:first-of-type { font-weight: 650; }
th:first-child {
  position: sticky; left: 0; padding-left: 0; padding-right: 0.4rem; text-align: left;
  font-weight: 550; background: var(--paper); white-space: nowrap;
}
figure { margin: 1rem 0 0; }
svg text { fill: currentColor; paint-order: stroke; stroke: var(--paper); stroke-width: 2.5px; }
svg { display: block; width: 100%; height: auto; stroke-linejoin: round; overflow: visible; }
figcaption { margin: 0.6rem 0 0; max-width: 44rem; font-size: 0.875rem; line-height: 1.5;
  color: var(--soft); }
svg.swatch { display: inline-block; width: 1.75em; height: 0.7em; margin-right: 0.45em; }
.key { display: flex; flex-wrap: wrap; gap: 0.15rem 1.2rem; margin: 0.4rem 0 0.6rem;
  font-size: 0.8125rem; }
h3 { margin: 2rem 0 0.5rem; font-size: 1rem; line-height: 1.3; font-weight: 600; }
.note { margin-top: -0.3rem; font-size: 0.875rem; line-height: 1.5; color: var(--soft); }
.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
@media screen and (prefers-color-scheme: dark) {
  .images img.error { filter: invert(1) hue-rotate(180deg); }
}
b.dark { color: var(--c0); }
b.bright { color: var(--c1); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
.narrow { display: none; }
.images {
  display: grid; grid-template-columns: max-content repeat(var(--n), minmax(2.6rem, 4.75rem));
  gap: 0.3rem; align-items: center; width: max-content; min-width: 100%; max-width: 100%;
}
.images img { width: 100%; display: block; image-rendering: pixelated; }
.who { position: sticky; left: 0; padding: 0.2rem 0.7rem 0.2rem 0; background: var(--paper);
  font-size: 0.8125rem; line-height: 1.3; font-weight: 550; }
.who small { display: block; font-size: 0.75rem; font-weight: 400; color: var(--soft);
  font-variant-numeric: tabular-nums; }
dl { max-width: 52rem; font-size: 0.9375rem; }
dl.facts, dl.columns { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr;
  gap: 0.25rem 1.5rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: 0.8125rem; }
code { overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 0.2rem 0 0.2rem 1rem; border-left: 2px solid var(--rule);
  line-height: 1.45; }
summary { cursor: pointer; font-size: 0.9375rem; }
@media (max-width: 44rem) {
  body { padding-top: 1.5rem; font-size: 1rem; }
  h1 { font-size: 1.5rem; }
  h2 { margin-top: 2.25rem; }
  .verdict { font-size: 1.125rem; }
  .pair { grid-template-columns: 1fr; }
  .many { grid-template-columns: 1fr 1fr; gap: 0.5rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .images { max-width: none; grid-template-columns: max-content repeat(var(--n), 2.75rem); }
  dl.columns, dl.facts { display: block; }
  dl dd { margin-bottom: 0.5rem; }
}
@media print {
  body { padding: 0; font-size: 10pt; max-width: none; }
  h2, h3, .key { break-after: avoid; }
  figure, tr, .pair > div, .many > div { break-inside: avoid; }
  .wide { max-width: 32rem; }
  .scroll { overflow: visible; background: none; }
  .images { grid-template-columns: max-content repeat(var(--n), minmax(0, 1fr)); width: 100%; }
  /* What is folded away on a screen is there on paper. */
  details::details-content { display: block; content-visibility: visible; }
  table { font-size: 7.5pt; }
  th, td { padding-left: 0.6em; }
  thead th { min-width: 0; }
  thead { display: table-row-group; }
  pre { white-space: pre-wrap; }
}
"""
)
