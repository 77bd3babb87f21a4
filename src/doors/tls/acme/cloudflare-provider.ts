/** DNS at Cloudflare, by its API (v4) and a token that may edit the zone's records. */
import type { DnsProvider } from "./dns-challenges.ts";

/** One JSON exchange; rejects only when there is no answer. */
export type SendJson = (request: {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
}) => Promise<{ readonly status: number; readonly body: unknown }>;

export type CloudflareOptions = {
  /** Without a slash at its end. */
  readonly api: string;
  readonly token: string;
  readonly send: SendJson;
};

type Item = { readonly id: string; readonly content: string };

/** Cloudflare's codes for a record that is there already. */
const thereAlready = new Set([81_057, 81_058]);

export class Cloudflare implements DnsProvider {
  readonly #options: CloudflareOptions;

  constructor(options: CloudflareOptions) {
    this.#options = options;
  }

  async set(name: string, value: string, signal: AbortSignal): Promise<void> {
    const zone = await this.#zoneOf(name, signal);
    const record = { type: "TXT", name, content: `"${value}"`, ttl: 60 };
    await this.#ask("POST", `/zones/${zone}/dns_records`, { body: record, signal });
  }

  async unset(name: string, value: string): Promise<void> {
    const zone = await this.#zoneOf(name);
    const query = new URLSearchParams({ type: "TXT", name });
    const records = await this.#ask("GET", `/zones/${zone}/dns_records?${query}`);
    for (const { id, content } of records) {
      if (content.replace(/^"|"$/g, "") !== value) continue;
      await this.#ask("DELETE", `/zones/${zone}/dns_records/${id}`);
    }
  }

  /** The zone is the name itself, or the first of its parents that the token can see. */
  async #zoneOf(name: string, signal?: AbortSignal): Promise<string> {
    const labels = name.split(".");
    for (let first = 1; first < labels.length - 1; first += 1) {
      const query = new URLSearchParams({ name: labels.slice(first).join(".") });
      const [zone] = await this.#ask(
        "GET",
        `/zones?${query}`,
        signal === undefined ? {} : { signal },
      );
      if (zone !== undefined) return zone.id;
    }
    throw new Error(`Cloudflare knows no zone of ${name} that the token may see`);
  }

  async #ask(
    method: "GET" | "POST" | "DELETE",
    path: string,
    more: { readonly body?: object; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Item[]> {
    const { api, token, send } = this.#options;
    const headers = { authorization: `Bearer ${token}` };
    const answer = await send({ method, url: api + path, headers, ...more });
    const { success, result, errors } = reading(answer.body);
    if (success || errors.some(({ code }) => thereAlready.has(code))) return items(result);
    const words = errors.map(({ message }) => message).join("; ");
    throw new Error(`Cloudflare says ${answer.status}${words === "" ? "" : `: ${words}`}`);
  }
}

type Reading = {
  readonly success: boolean;
  readonly result: unknown;
  readonly errors: readonly { readonly code: number; readonly message: string }[];
};

function reading(body: unknown): Reading {
  if (typeof body !== "object" || body === null) return { success: false, result: [], errors: [] };
  const { success, result, errors } = body as Record<string, unknown>;
  const told = Array.isArray(errors) ? errors : [];
  return {
    success: success === true,
    result,
    errors: told.map((one: { readonly code?: unknown; readonly message?: unknown }) => ({
      code: Number(one?.code),
      message: String(one?.message ?? "").slice(0, 200),
    })),
  };
}

function items(result: unknown): readonly Item[] {
  if (!Array.isArray(result)) return [];
  return result.flatMap((one: { readonly id?: unknown; readonly content?: unknown }) =>
    typeof one?.id === "string" && /^\w+$/.test(one.id)
      ? [{ id: one.id, content: String(one.content ?? "") }]
      : [],
  );
}
