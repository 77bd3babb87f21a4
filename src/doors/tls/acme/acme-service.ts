/**
 * An ACME service (RFC 8555) by the library acme-client, which is loaded when the first order is made:
 * an order for each name, one at a time, answered by one kind of challenge.
 */
import { Agent as PlainAgent } from "node:http";
import { Agent } from "node:https";
import type { Client } from "acme-client";
import { unlessAborted } from "../../../runtime/flights.ts";
import { KeyedMutex } from "../../../runtime/keyed-mutex.ts";
import { AcmeError } from "./acme-error.ts";
import { newKey } from "./acme-folder.ts";
import type { Challenges } from "./challenges.ts";
import type { SendJson } from "./cloudflare-provider.ts";

export type AcmeServiceOptions = {
  readonly directory: string;
  readonly email: string | undefined;
  /** PEM certificates that the service is trusted by. */
  readonly authorities: readonly string[];
  /** The way out, as programs find it in their environment. */
  readonly proxy: { readonly HTTPS_PROXY?: string; readonly NO_PROXY?: string };
  /** Milliseconds between two looks at an order. */
  readonly pollEvery?: number | undefined;
};

export type Ordered = { readonly chain: string; readonly key: string };

export type Order = {
  readonly name: string;
  readonly accountKey: string;
  readonly challenges: Challenges;
};

type Library = typeof import("acme-client");

const answerWithin = 30_000;

export class AcmeService {
  readonly #options: AcmeServiceOptions;
  #library: Promise<Library> | undefined;
  readonly #turns = new KeyedMutex<"order">();
  /** What the service said last about being asked again; it is that of the order under way. */
  #retryAfter: number | undefined;

  constructor(options: AcmeServiceOptions) {
    this.#options = options;
  }

  /** Throws AcmeError. */
  order(order: Order, signal: AbortSignal): Promise<Ordered> {
    return this.#turns.run("order", () => this.#inTurn(order, signal));
  }

  async #inTurn(order: Order, signal: AbortSignal): Promise<Ordered> {
    this.#retryAfter = undefined;
    try {
      return await unlessAborted(this.#order(order, signal), signal, reasonOf);
    } catch (error) {
      if (error instanceof AcmeError || signal.aborted) throw error;
      throw this.#errorOf(error);
    }
  }

  /** For DNS providers: the same way out, with the same trust. */
  readonly send: SendJson = async ({ method, url, headers, body, signal }) => {
    const { axios } = await this.#load();
    const { status, data } = await axios.request<unknown>({
      ...{ method, url, headers: { ...headers } },
      ...(body === undefined ? {} : { data: body }),
      ...(signal === undefined ? {} : { signal }),
      validateStatus: null,
    });
    return { status, body: data };
  };

  async #order({ name, accountKey, challenges }: Order, signal: AbortSignal): Promise<Ordered> {
    const acme = await this.#load();
    const { directory: directoryUrl, email, pollEvery = 2_000 } = this.#options;
    const client = new acme.Client({
      ...{ directoryUrl, accountKey },
      backoffAttempts: 60,
      backoffMin: pollEvery,
      backoffMax: pollEvery,
    });
    await register(client, email);
    const key = newKey();
    const [, csr] = await acme.crypto.createCsr({ altNames: [name] }, key);
    const chain = await client.auto({
      csr,
      // From here a name may look different than from outside.
      skipChallengeVerification: true,
      challengePriority: [challenges.type],
      challengeCreateFn: (authorization, challenge, answer) => {
        const domain = authorization.identifier.value;
        if (challenge.type !== challenges.type) {
          const sentence = `the service takes no ${challenges.type} for ${domain}; set ACME_CHALLENGE`;
          throw new AcmeError("CHALLENGE", sentence);
        }
        return shown(challenges.show({ domain, token: challenge.token, answer }, signal));
      },
      challengeRemoveFn: (authorization, challenge, answer) =>
        challenges.hide({ domain: authorization.identifier.value, token: challenge.token, answer }),
    });
    return { chain, key };
  }

  #load(): Promise<Library> {
    this.#library ??= import("acme-client").then((library) => {
      this.#prepare(library);
      return library;
    });
    return this.#library;
  }

  #prepare({ axios }: Library): void {
    const { authorities, proxy } = this.#options;
    // With agents that have their own proxies, or none, the library neither reads its environment nor
    // takes them away, as it does when told of no proxy.
    axios.defaults.httpsAgent = new Agent({ ca: [...authorities], proxyEnv: { ...proxy } });
    axios.defaults.httpAgent = new PlainAgent({ proxyEnv: {} });
    axios.defaults.timeout = answerWithin;
    // The library's retry: an hour of Retry-After is no reason to wait inside a request, and it loses
    // why there was no answer. Retrying is ours to do.
    axios.interceptors.request.clear();
    axios.interceptors.response.clear();
    axios.interceptors.response.use((response) => {
      if (response.status >= 400) this.#retryAfter = pauseOf(response.headers["retry-after"]);
      return response;
    });
  }

  #errorOf(error: unknown): AcmeError {
    const { directory } = this.#options;
    const retryAfter = this.#retryAfter;
    if (isWithoutAnswer(error)) {
      const sentence = `${directory} does not answer: ${error.message || error.code}`;
      return new AcmeError("UNREACHABLE", sentence, { cause: error });
    }
    const words = error instanceof Error ? error.message : String(error);
    const sentence = `${new URL(directory).host} says: ${words || "nothing"}`;
    return new AcmeError("REFUSED", sentence.slice(0, 1_000), { cause: error, retryAfter });
  }
}

/** Using a service is agreeing to its terms. One that knows the key gives its account, and may refuse to change it. */
async function register(client: Client, email: string | undefined): Promise<void> {
  const contact = email === undefined ? {} : { contact: [`mailto:${email}`] };
  try {
    await client.createAccount({ termsOfServiceAgreed: true, ...contact });
  } catch (error) {
    if (!hasAccount(client)) throw error;
  }
}

function hasAccount(client: Client): boolean {
  try {
    return client.getAccountUrl() !== "";
  } catch {
    return false;
  }
}

/** The library cannot be stopped; it is only not waited for. */
function reasonOf(signal: AbortSignal): Error {
  return signal.reason;
}

async function shown(showing: Promise<void>): Promise<void> {
  try {
    await showing;
  } catch (error) {
    throw unshown(error);
  }
}

function unshown(cause: unknown): AcmeError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new AcmeError("CHALLENGE", `the challenge could not be prepared: ${words}`, { cause });
}

/** Errors of the connection have a code; what the service says comes as a bare Error. */
function isWithoutAnswer(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** Seconds or a date (RFC 9110 §10.2.3), as milliseconds. */
function pauseOf(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\d{1,7}$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
