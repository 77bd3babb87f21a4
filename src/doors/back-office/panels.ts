/** The panels of the dashboard, each a piece of HTML made of what the overview says. */
import { type Html, html } from "../server/html.ts";
import type { Image, ImagePage } from "./images.ts";
import { ago, bytes, duration, percent, reasonText, shortDigest } from "./in-words.ts";
import type { Overview } from "./overview.ts";
import type { Statistics } from "./statistics.ts";
import type { RegistryState } from "./upstream-figures.ts";

type Status = ReturnType<Overview["status"]>;
type Downloads = ReturnType<Overview["downloads"]>;
type Registries = ReturnType<Overview["registries"]>;
type Requests = ReturnType<Overview["requests"]>;
type Disk = Awaited<ReturnType<Overview["disk"]>>;

export function findingsPanel({ findings, since }: Status, now: number): Html {
  if (findings.length === 0) {
    return html`<p class="well"><b>All well</b> <small>running ${duration(now - since)}</small></p>`;
  }
  const rows = findings.map(
    ({ level, what, since: from, mend }) =>
      html`<li class="${level}"><b>${level === "bad" ? "Wrong" : "Mind"}:</b> ${what}${
        from === undefined ? "" : html` <small>since ${ago(from, now)}</small>`
      } <code>${mend}</code></li>`,
  );
  return html`<ul class="findings">${rows}</ul>`;
}

export function savingsPanel(stats: Statistics, { budgets }: Registries, now: number): Html {
  const { day } = stats;
  const hub = budgets.filter(({ registry }) => registry === "docker.io");
  const left = hub.map(
    ({ login, remaining, limit, at }) =>
      html`<div><dt>Docker Hub pulls left (${login})</dt><dd>${remaining} <small>of ${limit}, ${ago(at, now)}</small></dd></div>`,
  );
  return html`<dl class="figures">
<div><dt>Saved</dt><dd>${bytes(day.saved)} <small>of ${bytes(day.sent)}</small></dd></div>
<div><dt>Pulls</dt><dd>${day.pulls}</dd></div>
<div><dt>From the cache</dt><dd>${percent(day.cachedPulls, day.pulls)}</dd></div>
${left.length > 0 ? left : html`<div><dt>Docker Hub pulls left</dt><dd><small>not told yet</small></dd></div>`}
</dl>`;
}

export function downloadsPanel({ downloads }: Downloads): Html {
  if (downloads.length === 0) return html`<p class="none">Nothing is being fetched.</p>`;
  const rows = downloads.map(({ registry, repository, digest, written, size, readers, speed }) => {
    const progress =
      size === undefined
        ? html`${bytes(written)}`
        : html`<progress max="${size}" value="${written}" aria-label="${percent(written, size)} of ${shortDigest(digest)}"></progress> ${percent(written, size)} of ${bytes(size)}`;
    return html`<tr><td data-label="Blob">${named(registry)}/${repository} <code>${shortDigest(digest)}</code></td><td data-label="Progress">${progress}</td><td data-label="Speed">${bytes(speed)}/s</td><td data-label="Waiting">${readers}</td></tr>`;
  });
  return table(["Blob", "Progress", "Speed", "Waiting"], rows);
}

export function registriesPanel({ registries }: Registries, stats: Statistics, now: number): Html {
  if (registries.length === 0) return html`<p class="none">No registry was asked yet.</p>`;
  const rows = registries.map((one) => {
    const day = stats.registries.find(({ registry }) => registry === one.registry)?.day;
    return html`<tr><td data-label="Registry">${named(one.registry)}</td><td data-label="State">${stateOf(one, now)}</td><td data-label="First byte, median">${timeOf(one.p50)}</td><td data-label="95 %">${timeOf(one.p95)}</td><td data-label="Errors">${one.failures}</td><td data-label="Pulls, 24 h">${day?.pulls ?? 0}</td></tr>`;
  });
  return table(["Registry", "State", "First byte, median", "95 %", "Errors", "Pulls, 24 h"], rows);
}

function stateOf({ isUp, downSince, pausedUntil, answeredAt }: RegistryState, now: number): Html {
  if (!isUp) return html`<b class="bad">down</b> since ${ago(downSince, now)}`;
  if (pausedUntil !== undefined)
    return html`<b class="bad">paused</b> for ${duration(pausedUntil - now)}`;
  return html`up <small>${ago(answeredAt, now)}</small>`;
}

function timeOf(seconds: number | undefined): string {
  return seconds === undefined ? "–" : duration(seconds * 1_000);
}

export function plotsPanel({ hours, days }: Statistics): Html {
  const data = { hours: columns(hours), days: columns(days) };
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const plot = (id: string, title: string, points: Statistics["hours"]): Html =>
    html`<figure><figcaption>${title}</figcaption><div class="plot" id="${id}" role="img" aria-label="${title}: ${inWords(points)}"></div></figure>`;
  return html`${plot("plot-hours", "Last 24 hours", hours)}${plot("plot-days", "Last 30 days", days)}
<p class="legend"><span class="saved">saved</span> <span class="fetched">fetched</span></p>
<script type="application/json" id="plot-data">${rawJson(json)}</script>`;
}

function columns(points: Statistics["hours"]): readonly (readonly number[])[] {
  return [
    points.map(({ at }) => at / 1_000),
    points.map(({ saved }) => saved),
    points.map(({ fetched }) => fetched),
  ];
}

function inWords(points: Statistics["hours"]): string {
  const sum = (key: "saved" | "fetched"): number => points.reduce((all, one) => all + one[key], 0);
  return `${bytes(sum("saved"))} saved, ${bytes(sum("fetched"))} fetched`;
}

/** It has no `<` in it any more. */
function rawJson(json: string): Html {
  return html([json] as unknown as TemplateStringsArray);
}

export type ImageSearch = { readonly search: string; readonly offset: number };

export function imagesPanel({ images, total }: ImagePage, search: ImageSearch, now: number): Html {
  const form = html`<form action="/#images" role="search"><label>Search <input type="search" name="search" value="${search.search}"></label> <button>Find</button> <small>${total} known</small></form>`;
  if (images.length === 0)
    return html`${form}<p class="none">No image was asked for${search.search === "" ? " yet" : " under such a name"}.</p>`;
  const rows = images.map((one) => imageRow(one, now));
  return html`${form}${table(["Image", "Size", "Kept", "Last pull", "Pulls", "Who may have it"], rows)}${pager(search, images.length, total)}`;
}

function imageRow(image: Image, now: number): Html {
  const { registry, repository, reference, bytes: its, lastPull, pulls, visibility } = image;
  const name = /^sha\d+:/.test(reference) ? `@${shortDigest(reference)}` : `:${reference}`;
  return html`<tr><td data-label="Image">${named(registry)}/${repository}${name}</td><td data-label="Size">${bytes(its.whole)}</td><td data-label="Kept">${bytes(its.kept)}</td><td data-label="Last pull">${ago(lastPull, now)}</td><td data-label="Pulls">${pulls}</td><td data-label="Who may have it">${visibility}</td></tr>`;
}

function pager({ search, offset }: ImageSearch, shown: number, total: number): Html {
  const link = (to: number, text: string): Html =>
    html`<a href="/?search=${encodeURIComponent(search)}&#38;offset=${to}#images">${text}</a> `;
  const before = offset > 0 ? link(Math.max(0, offset - pageSize), "Earlier") : "";
  const after = offset + shown < total ? link(offset + pageSize, "More") : "";
  return html`<p class="pager">${before}${after}</p>`;
}

export const pageSize = 25;

export function requestsPanel({ requests }: Requests, now: number): Html {
  if (requests.length === 0) return html`<p class="none">Nobody asked for anything yet.</p>`;
  const rows = requests.map(
    ({
      at,
      client,
      registry,
      repository,
      what,
      outcome,
      status,
      bytes: size,
      milliseconds,
      error,
      why,
    }) => {
      const name = `${registry}${repository === undefined ? "" : `/${repository}`} ${shortDigest(what)}`;
      const reason = error ?? (why && reasonText[why.reason]);
      const isBad = status >= 500 || outcome === "stale";
      return html`<tr${isBad ? html` class="bad"` : ""}><td data-label="When">${duration(now - at)}</td><td data-label="Outcome">${outcome}</td><td data-label="Status">${status}</td><td data-label="Asked for">${name}${reason === undefined ? "" : html` <small>${reason}</small>`}</td><td data-label="Size">${bytes(size)}</td><td data-label="Time">${duration(milliseconds)}</td><td data-label="Client">${client}</td></tr>`;
    },
  );
  return table(["When", "Outcome", "Status", "Asked for", "Size", "Time", "Client"], rows);
}

export function diskPanel(disk: Disk, now: number): Html {
  const { bytes: kept, limit, blobs, next } = disk;
  const volume =
    disk.disk === undefined
      ? html`<small>not told</small>`
      : html`${bytes(disk.disk.free)} <small>free of ${bytes(disk.disk.total)}, ${bytes(disk.disk.mustStayFree)} must stay</small>`;
  const last =
    disk.lastEvictedAge === undefined
      ? html`<small>nothing yet</small>`
      : html`${duration(disk.lastEvictedAge)} <small>after its last use</small>`;
  const rows = next.map(
    ({ digest, size, usedAt }) =>
      html`<tr><td data-label="Blob"><code>${shortDigest(digest)}</code></td><td data-label="Size">${bytes(size)}</td><td data-label="Used">${ago(usedAt, now)}</td></tr>`,
  );
  return html`<dl class="figures"><div><dt>Kept</dt><dd>${bytes(kept)} <small>of ${bytes(limit)}, ${blobs} blobs</small></dd></div><div><dt>Volume</dt><dd>${volume}</dd></div><div><dt>Forgotten last</dt><dd>${last}</dd></div></dl>
${rows.length === 0 ? "" : html`<details><summary>What goes next</summary>${table(["Blob", "Size", "Used"], rows)}</details>`}`;
}

/** As images are named; how it is spoken to is no part of that. */
function named(registry: string): string {
  return registry.replace(/^http:\/\//, "");
}

function table(heads: readonly string[], rows: readonly Html[]): Html {
  const cells = heads.map((head) => html`<th scope="col">${head}</th>`);
  return html`<div class="wide" tabindex="0" role="region" aria-label="${heads[0]}"><table><thead><tr>${cells}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
