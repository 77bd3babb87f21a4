/** DNS kept by a service of the operator's that speaks what lego calls httpreq. */
import type { SendJson } from "./cloudflare-provider.ts";
import type { DnsProvider } from "./dns-challenges.ts";

export type HttpreqOptions = {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly login?: { readonly user: string; readonly password: string } | undefined;
  readonly send: SendJson;
};

export class HttpreqProvider implements DnsProvider {
  readonly #options: HttpreqOptions;

  constructor(options: HttpreqOptions) {
    this.#options = options;
  }

  set(name: string, value: string, signal: AbortSignal): Promise<void> {
    return this.#post("/present", { fqdn: `${name}.`, value }, signal);
  }

  unset(name: string, value: string): Promise<void> {
    return this.#post("/cleanup", { fqdn: `${name}.`, value });
  }

  async #post(path: string, body: object, signal?: AbortSignal): Promise<void> {
    const { endpoint, login, send } = this.#options;
    const basic = Buffer.from(`${login?.user}:${login?.password}`).toString("base64");
    const { status } = await send({
      ...{ method: "POST", url: endpoint + path, body },
      headers: login === undefined ? {} : { authorization: `Basic ${basic}` },
      ...(signal === undefined ? {} : { signal }),
    });
    if (status >= 200 && status < 300) return;
    throw new Error(`${new URL(endpoint).host} says ${status} to ${path}`);
  }
}
