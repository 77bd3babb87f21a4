/**
 * What this very host answers outside `/v2/`: the CA, set-up scripts, health, and a page for people.
 * A host name is echoed only after it has passed the grammar.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { canonicalRegistry, type Registry } from "../../protocol/registry-name.ts";
import { type Refusal, refuseRequest } from "../refusal.ts";
import type { OriginCall } from "../server/reception.ts";
import { type Health, readiness } from "./health.ts";
import { printNotHere, printPage } from "./page.ts";
import { setupBuildkit } from "./setup-buildkit.ts";
import { setupContainerd } from "./setup-containerd.ts";
import { setupDocker } from "./setup-docker.ts";
import { setupDockerMirror } from "./setup-docker-mirror.ts";
import { setupK3s } from "./setup-k3s.ts";
import { setupPodman } from "./setup-podman.ts";
import { printRefusal, printScript, type SetupFacts, type SetupScript } from "./setup-script.ts";

export type FrontPageOptions = {
  /** The CA that clients trust: PEM, and its SHA-256 as `AB:CD:…`. */
  readonly authority: {
    readonly root: string;
    readonly fingerprint: string;
    /** The one that is to sign later, trusted beside it from now on. */
    readonly next?: { readonly root: string } | undefined;
  };
  readonly health: () => Health;
  /** The port of the proxy door, for clients that came another way. */
  readonly proxyPort: () => number;
  /** PUBLIC_URL: how clients reach this door by the name in it, whatever stands before it. */
  readonly publicUrl?: string | undefined;
  /** Whether images are pushed under this name, at every port: dockerd, which names no registry, would find none there. */
  readonly isHosted?: ((host: string) => boolean) | undefined;
  /** Those that mirror clients are set up for besides the usual ones. */
  readonly registries?: readonly Registry[] | undefined;
  /** Names of ours that stand for one registry, by what clients call that. */
  readonly virtualHosts?: ReadonlyMap<string, Registry> | undefined;
};

type Answer = {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

const usualRegistries = [
  "docker.io",
  "ghcr.io",
  "quay.io",
  "gcr.io",
  "registry.k8s.io",
  "mcr.microsoft.com",
  "public.ecr.aws",
  "registry.gitlab.com",
  "lscr.io",
  "nvcr.io",
  "docker.elastic.co",
].flatMap((host): Registry[] => {
  const name = canonicalRegistry(host);
  return name === undefined ? [] : [{ name, scheme: "https" }];
});

const scripts = [
  setupDocker,
  setupDockerMirror,
  setupContainerd,
  setupPodman,
  setupK3s,
  setupBuildkit,
];
const scriptsByPath = new Map(
  scripts.flatMap((one) =>
    [one.name, ...(one.aliases ?? [])].map((word) => [`/setup/${word}`, one]),
  ),
);

export class FrontPage {
  readonly #options: FrontPageOptions;

  constructor(options: FrontPageOptions) {
    this.#options = options;
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    call: OriginCall,
  ): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refuseRequest(response, onlyReading);
    }
    const { path } = splitTarget(call.target);
    const found = this.#answer(path, call);
    const answer = found === notHere && isBrowser(request) ? page(printNotHere(), 404) : found;
    if ("sentence" in answer) return refuseRequest(response, answer);
    response.writeHead(answer.status, {
      "Content-Type": answer.type,
      "Content-Length": Buffer.byteLength(answer.body),
      "Cache-Control": "no-cache",
      "X-Content-Type-Options": "nosniff",
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : answer.body);
  }

  #answer(path: string, call: OriginCall): Answer | Refusal {
    const { authority, health } = this.#options;
    const trusted = `${authority.root}${authority.next?.root ?? ""}`;
    const fingerprint = { "X-Ca-Fingerprint-Sha256": authority.fingerprint };
    switch (path) {
      case "/ca.crt":
        return certificate("application/x-x509-ca-cert", trusted, fingerprint);
      case "/ca.pem":
        return certificate("application/x-pem-file", trusted, fingerprint);
      case "/healthz":
        return { status: 200, type: "text/plain; charset=utf-8", body: "ok\n" };
      case "/readyz":
        return { ...readiness(toldTo(call, health())), type: "application/json" };
    }
    const script = scriptsByPath.get(path);
    if (script === undefined && path !== "/") return notHere;
    const facts = this.#facts(call);
    if (facts === undefined) return badHost;
    const isHosted = this.#options.isHosted?.(call.host?.host ?? "") === true;
    const refuses = (one: SetupScript): string | undefined =>
      isHosted && one === setupDockerMirror ? noMirrorHere : refusalOf(one, facts);
    const refusal = script && refuses(script);
    if (script === undefined) {
      const offered = scripts.filter((one) => !refuses(one));
      return page(printPage({ facts, scripts: offered }, call.foreign?.name));
    }
    return {
      status: 200,
      // Not as a script: a browser would store it and not show it.
      type: "text/plain; charset=utf-8",
      body: refusal === undefined ? printScript(script, facts) : printRefusal(refusal),
    };
  }

  /** PUBLIC_URL, where it was asked by the name in that. */
  #public({ host }: HostPort): URL | undefined {
    const { publicUrl } = this.#options;
    const url = publicUrl === undefined ? undefined : new URL(publicUrl);
    return url?.hostname === host ? url : undefined;
  }

  /** This host as the client knows it; undefined when its name must not be repeated. */
  #facts({ host, isTls, isDirect }: OriginCall): SetupFacts | undefined {
    if (host === undefined) return undefined;
    const { authority, proxyPort, registries: named = [] } = this.#options;
    const its = isDirect ? this.#public(host) : undefined;
    // A port that may be another outside than here; through the proxy any of our ports leads here.
    const isPlain = isDirect && !isTls && its?.protocol !== "https:";
    const port = isPlain ? (portOf(its) ?? host.port) : proxyPort();
    const proxy = formatHostPort({ host: host.host, port });
    const asked = isTls && isDirect ? `https://${formatHostPort(host, 443)}` : `http://${proxy}`;
    const mirror = its?.origin ?? asked;
    const only = isDirect ? this.#options.virtualHosts?.get(host.host) : undefined;
    if (only !== undefined) {
      return { proxy, mirror, registries: [only], isOneRegistry: true, ...authority };
    }
    const registries = new Map([...usualRegistries, ...named].map((one) => [one.name, one]));
    return { proxy, mirror, registries: [...registries.values()], ...authority };
  }
}

/** Undefined without a URL. */
function portOf(url: URL | undefined): number | undefined {
  return url && (url.port === "" ? 80 : Number(url.port));
}

function refusalOf(script: SetupScript, facts: SetupFacts): string | undefined {
  const [registry] = facts.registries;
  if (facts.isOneRegistry !== true || registry === undefined) return undefined;
  return script.refusal?.(registry);
}

/** Of what is wrong an outsider hears nothing. */
function toldTo({ foreign }: OriginCall, health: Health): Health {
  return foreign === undefined ? health : { phase: health.phase, degraded: [] };
}

const onlyReading: Refusal = {
  status: 405,
  sentence: "this page can only be read",
  headers: { Allow: "GET, HEAD" },
};

const notHere: Refusal = { status: 404, sentence: "there is no such page; / lists what there is" };

const noMirrorHere =
  "images are pushed under this name, so it is no mirror of Docker Hub for dockerd; use another name or address of this host";

const badHost: Refusal = {
  status: 400,
  sentence: "the Host field is no host name that could be put into a script",
};

function certificate(
  type: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Answer {
  return { status: 200, type, body, headers };
}

/** Only browsers name the type; curl and Go take anything. */
function isBrowser({ headers }: IncomingMessage): boolean {
  return headers.accept?.toLowerCase().includes("text/html") === true;
}

function page(body: string, status = 200): Answer {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  const headers = { "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer" };
  return { status, type: "text/html; charset=utf-8", body, headers };
}
