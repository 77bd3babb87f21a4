/**
 * The page for a person who opens the proxy in a browser: what this is, and the lines to paste for the
 * client that is there. It loads nothing, and needs no script.
 */
import { Html, html } from "../server/html.ts";
import { bareHost, type Client, lines, type Offer } from "./client.ts";
import { clientsOf } from "./clients.ts";
import { style, styleFor } from "./page-style.ts";
import type { SetupFacts } from "./setup-script.ts";

/** A page of these alone: `/setup/macos`. */
export const clientsWithPages: readonly string[] = ["macos", "windows"];

export type ShownPage = {
  /** The name it was asked by, where that is not known to be ours. */
  readonly outsiders?: string | undefined;
  /** One client's. */
  readonly only?: string | undefined;
};

export function printPage(offer: Offer, { outsiders, only }: ShownPage = {}): string {
  const { facts } = offer;
  const clients = clientsOf(offer).filter(({ id }) => only === undefined || id === only);
  const body = html`<h1>Entrepot</h1>
<p>This is a caching proxy for container registries. Images pulled through it are fetched from the
internet once, verified, kept, and served from here to everybody, also while the registry is slow,
rate-limiting or down. Image names do not change.</p>
${outsiders === undefined ? "" : notice(outsiders)}${facts.isOneRegistry === true ? standsFor(facts) : ""}
<h2 id="clients">Set up a client</h2>
<nav aria-label="Clients"><ul class="chooser">
${clients.map(({ id, name }) => html`<li><a href="#${id}">${name}</a></li>\n`)}</ul></nav>
${clients.map((client) => section(client, offer))}
<p class="small">Every script says <code>--help</code>, shows with <code>--print</code> what it would write, and takes
everything back with <code>--undo</code>.</p>
${certificate(facts)}
<p class="small"><a href="/healthz">healthz</a> · <a href="/readyz">readyz</a> ·
<a href="/ca.pem">ca.pem</a></p>`;
  return wholePage(`Entrepot at ${facts.proxy}`, styleFor(clients), body);
}

/** For a person who followed a wrong link; what was asked for is not repeated. */
export function printNotHere(): string {
  const body = html`<h1>There is no such page</h1>
<p>This is Entrepot, a caching proxy for container registries. <a href="/">Its front page</a> says how to
use it. The dashboard has a port of its own, which is open on the server alone unless its operator says
otherwise: <code>entrepot dashboard</code> prints the link there.</p>`;
  return wholePage("No such page · Entrepot", style, body);
}

function wholePage(title: string, css: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${new Html(css)}</style>
<main>
${body}
</main>
</html>
`.text;
}

function section({ id, name, steps }: Client, offer: Offer): Html {
  return html`<section class="client" id="${id}" aria-labelledby="${id}-name">
<h2 id="${id}-name">${name}</h2>
${steps(offer).map((step) => html`${step}\n`)}</section>
`;
}

function certificate({ fingerprint }: SetupFacts): Html {
  return html`<h2 id="ca">The CA certificate</h2>
<p>Only who sends everything through the proxy has to trust it: <a href="/ca.crt">ca.crt</a>. Compare its SHA-256
fingerprint with what the server printed when it started, and <code>entrepot ca fingerprint</code> prints there:</p>
<pre class="fingerprint" tabindex="0">${fingerprint.split(/(?<=:)/).map((pair) => html`${pair}<wbr>`)}</pre>`;
}

/** An outsider could own this name, and lead browsers here by it. */
function notice(name: string): Html {
  return html`<p class="notice"><strong>You opened it by the name ${name}, which it does not know as its own.</strong>
By such a name it gives out public images alone. If the name is right, set one of these on the proxy:</p>
${lines([`PUBLIC_URL=https://${name}`])}${lines([`MIRROR_HOSTS=${name}`])}
`;
}

function standsFor({ mirror, registries }: SetupFacts): Html {
  return html`<p>By the name <code>${bareHost(mirror)}</code> it stands for <code>${registries[0]?.name}</code> alone:
what is set up from this page is set up for that registry.</p>
`;
}
