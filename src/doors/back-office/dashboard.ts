/** The dashboard: a page of panels, what it needs in a browser, and the stream that keeps it up to date. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { carriedText } from "../../runtime/carried.ts";
import { KeyedMutex } from "../../runtime/keyed-mutex.ts";
import { type Html, html } from "../server/html.ts";
import {
  dashboardPage,
  dashboardStyle,
  type PanelId,
  panelIds,
  plainPage,
  welcomeSection,
} from "./dashboard-page.ts";
import { dashboardScript } from "./dashboard-script.ts";
import { addEvents } from "./events.ts";
import { cookieName } from "./gate.ts";
import { Live } from "./live.ts";
import type { Overview } from "./overview.ts";
import {
  diskPanel,
  downloadsPanel,
  findingsPanel,
  type ImageSearch,
  imagesPanel,
  pageSize,
  plotsPanel,
  registriesPanel,
  requestsPanel,
  savingsPanel,
} from "./panels.ts";
import type { Sessions } from "./sessions.ts";

export type DashboardParts = {
  readonly overview: Overview;
  readonly sessions: Sessions;
  /** Where clients reach the proxy. */
  readonly clientUrl: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const pageHeaders = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": policy,
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

const searchQuery = {
  type: "object",
  properties: {
    search: { type: "string", maxLength: 200, default: "" },
    offset: { type: "integer", minimum: 0, maximum: 1_000_000, default: 0 },
  },
} as const;

/** Returns what ends its streams. */
export function addDashboard(app: FastifyInstance, parts: DashboardParts): Live {
  const { overview, sessions } = parts;
  const live = new Live({ panel: async (id) => (await panel(parts, id)).text });
  const turns = new KeyedMutex<"page">();
  app.get<{ Querystring: ImageSearch }>(
    "/",
    { schema: { querystring: searchQuery } },
    async ({ query }, reply) => {
      const panels = await turns.run("page", () => panelsOf(parts, query));
      const welcome = (await isNew(overview)) ? welcomeSection(parts.clientUrl()) : undefined;
      const { version } = overview.status();
      return reply.headers(pageHeaders).send(dashboardPage({ version, welcome, panels }));
    },
  );
  addEvents(app, (response) => live.open(response));
  // A HEAD, as those who look at links for others send it, does not use the link up.
  const login = { exposeHeadRoute: false };
  app.get<{ Querystring: { readonly link?: string } }>(
    "/login",
    login,
    async ({ query }, reply) => {
      const session = sessions.take(query.link ?? "");
      reply.headers(pageHeaders);
      if (session === undefined) {
        const text = html`<p>This link was used already, or is older than a minute. <code>entrepot dashboard</code> on the server prints a new one.</p>`;
        return reply.code(403).send(plainPage("This link is no good", text));
      }
      const cookie = `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`;
      // A redirect would still belong to the site that the link was followed from, and send no cookie.
      const text = html`<meta http-equiv="refresh" content="0;url=/"><p><a href="/">To the dashboard</a></p>`;
      return reply.header("Set-Cookie", cookie).send(plainPage("Welcome", text));
    },
  );
  addAssets(app);
  return live;
}

/** Others have their turns in between. */
async function panelsOf(
  parts: DashboardParts,
  search: ImageSearch,
): Promise<ReadonlyMap<PanelId, Html>> {
  const panels = new Map<PanelId, Html>();
  for (const id of panelIds) {
    panels.set(id, await panel(parts, id, search));
    await nextTurn();
  }
  return panels;
}

/** Nothing was asked for since the start, nor before it; unread statistics say nothing of that. */
async function isNew(overview: Overview): Promise<boolean> {
  if (overview.requests().requests.length > 0) return false;
  try {
    return (await overview.images({ search: "", sort: "last", offset: 0, limit: 1 })).total === 0;
  } catch {
    return false;
  }
}

function addAssets(app: FastifyInstance): void {
  const script = "text/javascript; charset=utf-8";
  const style = "text/css; charset=utf-8";
  const plotScript = (): string =>
    carriedText("uPlot.iife.min.js", () => import.meta.resolve("uplot/dist/uPlot.iife.min.js"));
  const plotStyle = (): string =>
    carriedText("uPlot.min.css", () => import.meta.resolve("uplot/dist/uPlot.min.css"));
  const assets: readonly (readonly [string, string, () => string])[] = [
    ["uplot.js", script, plotScript],
    ["uplot.css", style, plotStyle],
    ["dashboard.js", script, () => dashboardScript],
    ["dashboard.css", style, () => dashboardStyle],
  ];
  for (const [name, type, content] of assets) {
    app.get(`/assets/${name}`, async (_request, reply) =>
      reply.headers({ "Content-Type": type, "Cache-Control": "max-age=300" }).send(content()),
    );
  }
}

/** A panel that cannot be made says so in its own place. */
async function panel(
  parts: DashboardParts,
  id: PanelId,
  search: ImageSearch = noSearch,
): Promise<Html> {
  try {
    return await made(parts, id, search);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return html`<p class="none">This cannot be shown: ${why}</p>`;
  }
}

const noSearch: ImageSearch = { search: "", offset: 0 };

async function made(
  { overview, now }: DashboardParts,
  id: PanelId,
  search: ImageSearch,
): Promise<Html> {
  switch (id) {
    case "findings":
      return findingsPanel(overview.status(), now());
    case "savings":
      return savingsPanel(await overview.stats(), overview.registries(), now());
    case "downloads":
      return downloadsPanel(overview.downloads());
    case "registries":
      return registriesPanel(overview.registries(), await overview.stats(), now());
    case "plots":
      return plotsPanel(await overview.stats());
    case "images": {
      const query = { ...search, sort: "last", limit: pageSize } as const;
      return imagesPanel(await overview.images(query), search, now());
    }
    case "requests":
      return requestsPanel(overview.requests(), now());
    case "disk":
      return diskPanel(await overview.disk(), now());
  }
}
