/** How the front page looks: light and dark, from 360 px on, and the chooser, which needs no script. */
import type { Client } from "./client.ts";

/** Of the clients the one that the address names is shown, or else the first. */
export function styleFor(clients: readonly Client[]): string {
  const chosen = clients.map(({ id }) => `body:has(#${id}:target) .chooser a[href="#${id}"]`);
  const first = clients[0]?.id ?? "";
  const unnamed = "body:not(:has(.client:target))";
  return `${style}
.client { display: none; }
.client:target, ${unnamed} #${first} { display: block; }
${[...chosen, `${unnamed} .chooser a[href="#${first}"]`].join(",\n")} { background: var(--link); border-color: var(--link); color: var(--page); }
`;
}

export const style = `
:root { color-scheme: light dark; --page: light-dark(#fff, #14171a); --text: light-dark(#1c2126, #dde2e7); --soft: light-dark(#56606b, #a2acb7); --line: light-dark(#d5d9de, #3a4047); --box: light-dark(#f3f5f7, #1d2126); --link: light-dark(#0b5cad, #7db7f0); --warn: light-dark(#b25e00, #e0a040); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; background: var(--page); color: var(--text); }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: 2rem; letter-spacing: -.02em; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.15rem; }
h3 { margin: 1.5rem 0 .25rem; font-size: 1rem; }
p { margin: .6rem 0; }
a { color: var(--link); }
pre, code { font: 14px/1.5 ui-monospace, Menlo, Consolas, monospace; }
code { background: var(--box); padding: .1em .3em; border-radius: 4px; overflow-wrap: anywhere; }
pre { margin: .5rem 0; padding: .7rem .9rem; background: var(--box); border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; user-select: all; }
.lines { white-space: pre-wrap; overflow-wrap: normal; }
.line { display: block; padding-left: 2ch; text-indent: -2ch; }
.line b { font-weight: inherit; white-space: nowrap; }
.path { margin: .8rem 0 0; }
.path + pre { margin-top: .25rem; }
.fingerprint { white-space: normal; }
.chooser { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: .75rem 0 1.25rem; list-style: none; }
.chooser a { display: block; padding: .3rem .75rem; border: 1px solid var(--line); border-radius: 2rem; text-decoration: none; }
.chooser a:hover { border-color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.client { scroll-margin-top: 14rem; }
.notice { border-left: 4px solid var(--warn); padding-left: .8rem; }
.small { font-size: 14px; color: var(--soft); }
.small code { white-space: nowrap; }
@media (max-width: 30rem) { main { padding: 1.5rem 1rem 3rem; } pre, code { font-size: 13px; } }
`;
