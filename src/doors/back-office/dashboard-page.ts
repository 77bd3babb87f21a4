/** The dashboard around its panels: one page, whole without scripts, nothing from elsewhere. */
import { type Html, html } from "../server/html.ts";

export type PanelId =
  | "findings"
  | "savings"
  | "downloads"
  | "registries"
  | "plots"
  | "images"
  | "requests"
  | "disk";

const titles: Readonly<Record<PanelId, string>> = {
  findings: "State",
  savings: "Last 24 hours",
  downloads: "Downloads now",
  registries: "Registries",
  plots: "Saved and fetched",
  images: "Images",
  requests: "Last requests",
  disk: "Disk",
};

export const panelIds = Object.keys(titles) as readonly PanelId[];

export type PageParts = {
  readonly version: string;
  /** Where clients are set up; shown while there were none. */
  readonly welcome: Html | undefined;
  readonly panels: ReadonlyMap<PanelId, Html>;
};

export function dashboardPage({ version, welcome, panels }: PageParts): string {
  const sections = panelIds.map(
    (id) =>
      html`<section aria-labelledby="title-${id}"><h2 id="title-${id}">${titles[id]}</h2><div id="${id}">${panels.get(id)}</div></section>
`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Entrepot</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/uplot.css">
<link rel="stylesheet" href="/assets/dashboard.css">
<script defer src="/assets/uplot.js"></script>
<script defer src="/assets/dashboard.js"></script>
</head>
<body>
<header><h1>Entrepot</h1> <small>${version}</small> <p id="live" role="status">not live: this page is as of when it was loaded</p></header>
<main>
${welcome}${sections}</main>
</body>
</html>
`.text;
}

/** What a new operator needs first. */
export function welcomeSection(clientUrl: string): Html {
  return html`<section aria-labelledby="title-welcome" class="welcome"><h2 id="title-welcome">Nothing was pulled yet</h2>
<p>On a machine with Docker, fetch the set-up script, read it, and run it:</p>
<pre tabindex="0">curl -fsS ${clientUrl}/setup/docker -o setup-entrepot.sh
less setup-entrepot.sh
sudo bash setup-entrepot.sh</pre>
<p>For other clients open <a href="${clientUrl}/">${clientUrl}/</a>.</p></section>
`;
}

/** Said to a browser that may not come in. */
export function plainPage(title: string, text: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/dashboard.css"></head>
<body><main><h1>${title}</h1>${text}</main></body></html>
`.text;
}

export const dashboardStyle = `
:root { color-scheme: light dark;
  --ground: light-dark(#fff, #14171a); --ink: light-dark(#1c2126, #dde2e7); --soft: light-dark(#57606a, #9aa5b1);
  --line: light-dark(#d5d9de, #3a4047); --box: light-dark(#f3f5f7, #1d2126); --link: light-dark(#0b5cad, #7db7f0);
  --good: light-dark(#116329, #6fdd8b); --bad: light-dark(#b42318, #ff9d94); --saved: light-dark(#1a7f37, #57c878); --fetched: light-dark(#0969da, #6cb6ff); }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--ink); }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; padding: 1rem 1.25rem 0; max-width: 84rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.4rem; letter-spacing: -.02em; }
h2 { margin: 0 0 .5rem; font-size: 1rem; }
main { display: grid; gap: 1rem; padding: 1rem 1.25rem 3rem; max-width: 84rem; margin: 0 auto; grid-template-columns: minmax(0, 1fr); }
section { border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; min-width: 0; }
a { color: var(--link); }
small, .none, #live { color: var(--soft); }
#live { margin: 0; font-size: .85rem; }
body.lost main { opacity: .75; filter: grayscale(1); }
body.lost #live { color: var(--bad); font-weight: 600; }
.well b { color: var(--good); font-size: 1.25rem; } .well, .none { margin: 0; }
.findings { margin: 0; padding: 0; list-style: none; } .findings li + li { margin-top: .4rem; }
.bad b, b.bad { color: var(--bad); }
tr.bad td:nth-child(2) { color: var(--bad); font-weight: 600; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 0; }
.figures dt { color: var(--soft); font-size: .85rem; } .figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.figures small { font-size: .85rem; }
.wide { overflow-x: auto; max-height: 28rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .85rem; position: sticky; top: 0; background: var(--ground); }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
td:is([data-label="Image"], [data-label="Asked for"], [data-label="Blob"], [data-label="Registry"]) { min-width: 14rem; white-space: normal; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; background: var(--box); border-radius: 4px; padding: .1em .3em; overflow-wrap: anywhere; }
pre { padding: .7rem .9rem; overflow-x: auto; user-select: all; }
progress { width: 8rem; accent-color: var(--saved); vertical-align: middle; }
figure { margin: 0 0 .75rem; } figcaption { color: var(--soft); font-size: .85rem; }
.plot { height: 180px; } .u-legend { display: none; }
.legend span::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; background: currentColor; }
.legend { margin: 0; } .saved { color: var(--saved); margin-right: 1rem; } .fetched { color: var(--fetched); }
input, button { font: inherit; color: inherit; background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .25rem .6rem; max-width: 100%; }
form { margin-bottom: .5rem; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (min-width: 70rem) { #title-plots ~ #plots { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2rem; } #plots .legend { grid-column: 1 / -1; } }
@media (max-width: 40rem) {
  header, main { padding-left: .75rem; padding-right: .75rem; }
  .wide { max-height: none; } thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; } tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  table td { min-width: 0; border: 0; padding: .05rem 0; white-space: normal; overflow-wrap: anywhere; } td::before { content: attr(data-label) " "; color: var(--soft); font-size: .85rem; }
}
`;
