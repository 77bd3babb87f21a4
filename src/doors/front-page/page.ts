/** The page for a person who opens the proxy in a browser: what this is, and the lines to paste. */
import type { SetupFacts, SetupScript } from "./setup-script.ts";

/** `outsiders` is the name it was asked by, where that is not known to be ours. */
export function printPage(
  facts: SetupFacts,
  scripts: readonly SetupScript[],
  outsiders?: string,
): string {
  const { mirror, proxy, fingerprint } = facts;
  const others = scripts.filter(({ name }) => name !== "docker");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Entrepot at ${escaped(proxy)}</title>
<style>${style}</style>
<main>
<h1>Entrepot</h1>
<p>This is a caching proxy for container registries. Images pulled through it are fetched from the
internet once, verified, kept, and served from here to everybody, also while the registry is slow,
rate-limiting or down. Image names do not change.</p>
${outsiders === undefined ? "" : notice(outsiders)}${facts.isOneRegistry === true ? standsFor(facts) : ""}
<h2>Use it from this machine</h2>
<p>As a proxy for every registry. <a href="/setup/docker">The script</a> installs the certificate below and
restarts Docker; read it before you run it:</p>
<pre>curl -fsS ${escaped(mirror)}/setup/docker -o setup-entrepot.sh
less setup-entrepot.sh</pre>
<pre>sudo bash setup-entrepot.sh</pre>
<p>Or by hand: give the container engine <code>HTTPS_PROXY=http://${escaped(proxy)}</code> and let
the system trust the <a href="/ca.crt">CA certificate</a>. Its SHA-256 fingerprint, to be compared
with what the server printed when it started and <code>entrepot ca fingerprint</code> prints there:</p>
<pre>${escaped(fingerprint)}</pre>

<h2>Other ways to set up a client</h2>
<p>Fetch another script instead, read it (a click on its name shows it) and run it in the same way. Each
says <code>--help</code>, and takes everything back with <code>--undo</code>.</p>
<table>
${others.map((script) => row(script, mirror)).join("\n")}
</table>

<h2>Without any set-up</h2>
<pre>docker pull ${escaped(bareHost(mirror))}/${escaped(exampleOf(facts))}:TAG</pre>
<p class="small">An engine has to allow plain HTTP for this address, unless it is loopback or answers
over TLS.</p>
<p class="small"><a href="/healthz">healthz</a> · <a href="/readyz">readyz</a> ·
<a href="/ca.pem">ca.pem</a></p>
</main>
</html>
`;
}

/** For a person who followed a wrong link; what was asked for is not repeated. */
export function printNotHere(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>No such page · Entrepot</title>
<style>${style}</style>
<main>
<h1>There is no such page</h1>
<p>This is Entrepot, a caching proxy for container registries. <a href="/">Its front page</a> says how to
use it. The dashboard has a port of its own, which is open on the server alone unless its operator says
otherwise: <code>entrepot dashboard</code> prints the link there.</p>
</main>
</html>
`;
}

/** An outsider could own this name, and lead browsers here by it. */
function notice(name: string): string {
  return `<p class="notice"><strong>You opened it by the name ${escaped(name)}, which it does not know as its own.</strong>
By such a name it gives out public images alone. If the name is right, set one of these on the proxy:</p>
<pre>PUBLIC_URL=https://${escaped(name)}</pre>
<pre>MIRROR_HOSTS=${escaped(name)}</pre>
`;
}

function standsFor({ mirror, registries }: SetupFacts): string {
  const [host, name] = [bareHost(mirror), registries[0]?.name ?? ""].map(escaped);
  return `<p>By the name <code>${host}</code> it stands for <code>${name}</code> alone: what is set up from
this page is set up for that registry.</p>
`;
}

function row({ name, summary }: SetupScript, mirror: string): string {
  const path = `/setup/${escaped(name)}`;
  return `<tr><td><a href="${path}">${escaped(name)}</a></td><td>${escaped(summary)}
<pre>curl -fsS ${escaped(mirror)}${path} -o setup-entrepot.sh</pre></td></tr>`;
}

/** A name that stands for one registry takes no other's in front of the image. */
function exampleOf({ registries, isOneRegistry = false }: SetupFacts): string {
  if (!isOneRegistry) return "ghcr.io/OWNER/IMAGE";
  return registries[0]?.name === "docker.io" ? "library/IMAGE" : "OWNER/IMAGE";
}

function bareHost(url: string): string {
  return url.replace(/^https?:\/\//, "");
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `
:root { color-scheme: light dark; --line: light-dark(#d5d9de, #3a4047); --box: light-dark(#f3f5f7, #1d2126); }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; background: light-dark(#fff, #14171a); color: light-dark(#1c2126, #dde2e7); }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: 2rem; letter-spacing: -.02em; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.15rem; }
a { color: light-dark(#0b5cad, #7db7f0); }
pre, code { font: 14px/1.5 ui-monospace, Menlo, Consolas, monospace; }
code { background: var(--box); padding: .1em .3em; border-radius: 4px; }
pre { margin: .5rem 0; padding: .7rem .9rem; background: var(--box); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
td:first-child { width: 8rem; }
td { padding: .6rem 0; border-top: 1px solid var(--line); vertical-align: top; }
@media (max-width: 36rem) { td, td:first-child { display: block; width: auto; } td + td { padding-top: 0; border: 0; } }
.notice { border-left: 4px solid light-dark(#b25e00, #e0a040); padding-left: .8rem; }
.small { font-size: 14px; opacity: .8; }
`;
