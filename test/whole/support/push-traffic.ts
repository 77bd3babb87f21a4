/**
 * Several clients of the hosted registry at once, each as engines are: they look before they upload, push
 * children before their index, pull what others push, and delete what is theirs; a 503 with Retry-After
 * they take as engines do. Every answer that a collection of garbage spoilt is kept.
 */
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { ociIndex, ociManifest } from "../../../src/protocol/media-type.ts";
import { Chance } from "./seeded.ts";

export type TrafficPlan = {
  readonly port: number;
  readonly host: string;
  readonly clients: number;
  readonly events: number;
  readonly seed: number;
  /** Time goes by with each event. */
  readonly tick: () => void;
  /** Between two events of anybody, with how many there have been. */
  readonly between: (events: number) => void;
  /** Ends it at the first answer that is spoilt. */
  readonly stopsAtOnce?: boolean;
};

type Answer = {
  readonly status: number;
  readonly body: Buffer;
  readonly location: string | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;
};

/** What one client has in a repository; nobody else pushes or deletes it. */
type Own = {
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
};

const repositories = ["team/app", "team/base", "ci/build"];
const mostLayers = 5_000;
const mostTries = 10;
const config = Buffer.from("{}");

export class PushTraffic {
  /** What a client was told that was not so a moment before. */
  readonly spoilt: string[] = [];
  readonly counts = { push: 0, pull: 0, referrer: 0, delete: 0, retry: 0 };
  readonly #plan: TrafficPlan;
  readonly #agent: Agent;
  readonly #chance: Chance;
  /** By client. */
  readonly #own: Own[][];
  /** All of them: they stay for a week after what they are about. */
  readonly #referrers: { readonly repository: string; readonly digest: Digest }[] = [];
  /** Layers that were pushed at some time, by whoever. */
  readonly #layers: Buffer[] = [];
  #made = 0;
  #events = 0;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
    // A connection kept longer than the server keeps one may be closed under a request.
    this.#agent = new Agent({ keepAlive: true, maxSockets: plan.clients, timeout: 20_000 });
    this.#chance = new Chance(plan.seed);
    this.#own = Array.from({ length: plan.clients }, () => []);
  }

  /** Resolves when all of it has happened. */
  async run(): Promise<void> {
    await Promise.all(this.#own.map((_, client) => this.#work(client)));
  }

  /** Every image that should be there is; bytes of all that may still be needed. */
  async check(): Promise<ReadonlyMap<Digest, number>> {
    const needed = new Map<Digest, number>([[digestOf(config), config.length]]);
    for (const { repository, tag } of this.#own.flat()) {
      await this.#pullAll(repository, tag, needed);
    }
    for (const { repository, digest } of this.#referrers) {
      await this.#pullAll(repository, digest, needed);
    }
    return needed;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #work(client: number): Promise<void> {
    const { events, tick, between, stopsAtOnce } = this.#plan;
    while (this.#events < events) {
      if (stopsAtOnce === true && this.spoilt.length > 0) return;
      this.#events += 1;
      tick();
      between(this.#events);
      await this.#event(client);
    }
  }

  #event(client: number): Promise<void> {
    const own = this.#own[client] ?? [];
    const what = this.#chance.below(100);
    if (what < 30 || own.length === 0) return this.#push(client);
    if (what < 70) return this.#pull();
    if (what < 80) return this.#refer(own);
    return this.#delete(own);
  }

  async #push(client: number): Promise<void> {
    this.counts.push += 1;
    const repository = this.#chance.one(repositories);
    const own = this.#own[client] ?? [];
    // A tag of its own, new or moved.
    const moved = this.#chance.in100(40)
      ? own.find((one) => one.repository === repository)
      : undefined;
    const tag = moved?.tag ?? `c${client}-${this.#events}`;
    if (moved !== undefined) own.splice(own.indexOf(moved), 1);
    const digest = this.#chance.in100(25)
      ? await this.#pushIndex(repository, tag)
      : await this.#pushImage(repository, tag);
    if (digest !== undefined) own.push({ repository, tag, digest });
  }

  /** Its children by digest first. */
  async #pushIndex(repository: string, tag: string): Promise<Digest | undefined> {
    const manifests: object[] = [];
    for (let count = 0; count < 2; count += 1) {
      const child = await this.#pushImage(repository, undefined);
      manifests.push({ mediaType: ociManifest, digest: child ?? digestOf(config), size: 1 });
    }
    const index = this.#document(ociIndex, { manifests });
    return (await this.#put(repository, tag, index, ociIndex)) ? digestOf(index) : undefined;
  }

  async #pushImage(repository: string, tag: string | undefined): Promise<Digest | undefined> {
    const layers = [this.#layer(), this.#layer()];
    for (const bytes of [config, ...layers]) await this.#offer(repository, bytes);
    const manifest = this.#document(ociManifest, {
      config: described("application/vnd.oci.image.config.v1+json", config),
      layers: layers.map((bytes) => described("application/vnd.oci.image.layer.v1.tar", bytes)),
    });
    const digest = digestOf(manifest);
    return (await this.#put(repository, tag ?? digest, manifest, ociManifest)) ? digest : undefined;
  }

  /** Uploads it only where it is not there already, as every engine does. */
  async #offer(repository: string, bytes: Buffer): Promise<void> {
    const digest = digestOf(bytes);
    const retries = this.counts.retry;
    const { status } = await this.#ask("HEAD", `${repository}/blobs/${digest}`);
    if (status === 200) return;
    const from = this.#chance.one(repositories);
    const uploads = `${repository}/blobs/uploads/`;
    const begun = this.#chance.in100(50)
      ? await this.#ask("POST", `${uploads}?mount=${digest}&from=${from}`)
      : undefined;
    if (begun?.status === 201) return;
    // What could not be mounted is an upload that goes on.
    const session = begun?.location?.replace(/^\/v2\//, "");
    const answer =
      session === undefined
        ? await this.#ask("POST", `${uploads}?digest=${digest}`, bytes)
        : await this.#ask("PUT", `${session}?digest=${digest}`, bytes);
    // Nobody knows what became of it: it is looked for, and begun anew.
    if (answer.status === 404 && this.counts.retry > retries) return this.#offer(repository, bytes);
    if (answer.status !== 201) this.#spoilt(`an upload is ${answer.status}`, answer);
  }

  async #put(repository: string, name: string, bytes: Buffer, type: string): Promise<boolean> {
    const answer = await this.#ask("PUT", `${repository}/manifests/${name}`, bytes, type);
    if (answer.status === 201) return true;
    this.#spoilt(`a push to ${repository} is ${answer.status}`, answer);
    return false;
  }

  async #pull(): Promise<void> {
    this.counts.pull += 1;
    const others = this.#own.flat();
    if (others.length === 0) return;
    const one = this.#chance.one(others);
    const name = this.#chance.in100(70) ? one.tag : one.digest;
    const answer = await this.#ask("GET", `${one.repository}/manifests/${name}`);
    // Its owner may have deleted it meanwhile.
    if (answer.status === 404 && !this.#own.flat().includes(one)) return;
    await this.#fetch(one.repository, answer, new Map());
  }

  async #pullAll(repository: string, name: string, needed: Map<Digest, number>): Promise<void> {
    const answer = await this.#ask("GET", `${repository}/manifests/${name}`);
    await this.#fetch(repository, answer, needed);
  }

  async #fetch(repository: string, manifest: Answer, got: Map<Digest, number>): Promise<void> {
    if (manifest.status !== 200) {
      return this.#spoilt(`a manifest of ${repository} is ${manifest.status}`, manifest);
    }
    got.set(digestOf(manifest.body), manifest.body.length);
    const { manifests = [], layers = [] } = JSON.parse(manifest.body.toString()) as Listing;
    for (const { digest } of manifests) {
      await this.#fetch(
        repository,
        await this.#ask("GET", `${repository}/manifests/${digest}`),
        got,
      );
    }
    for (const { digest } of layers) {
      const answer = await this.#ask("GET", `${repository}/blobs/${digest}`);
      const isRight = answer.status === 200 && digestOf(answer.body) === digest;
      if (isRight) got.set(digest, answer.body.length);
      else this.#spoilt(`a layer of ${repository} is ${answer.status}`, answer);
    }
  }

  async #refer(own: readonly Own[]): Promise<void> {
    this.counts.referrer += 1;
    const { repository, digest: subject } = this.#chance.one(own);
    const layer = this.#layer();
    for (const bytes of [config, layer]) await this.#offer(repository, bytes);
    const manifest = this.#document(ociManifest, {
      subject: { mediaType: ociManifest, digest: subject, size: 1 },
      config: described("application/vnd.example.signature", config),
      layers: [described("application/octet-stream", layer)],
    });
    const digest = digestOf(manifest);
    if (!(await this.#put(repository, digest, manifest, ociManifest))) return;
    this.#referrers.push({ repository, digest });
    const { body } = await this.#ask("GET", `${repository}/referrers/${subject}`);
    if (!body.includes(digest)) this.spoilt.push(`a referrer of ${repository} is not listed`);
  }

  async #delete(own: Own[]): Promise<void> {
    this.counts.delete += 1;
    const one = this.#chance.one(own);
    const isTag = this.#chance.in100(50);
    own.splice(own.indexOf(one), 1);
    const name = isTag ? one.tag : one.digest;
    const retries = this.counts.retry;
    const answer = await this.#ask("DELETE", `${one.repository}/manifests/${name}`);
    const isDoubtful = answer.status === 404 && this.counts.retry > retries;
    if (answer.status !== 202 && !isDoubtful)
      this.#spoilt(`a deletion is ${answer.status}`, answer);
  }

  /** One that somebody pushed once, however long ago, or a new one. */
  #layer(): Buffer {
    if (this.#layers.length > 0 && this.#chance.in100(50)) return this.#chance.one(this.#layers);
    const size = 500 + this.#chance.below(3_000);
    const bytes = Buffer.alloc(size, `${this.#plan.seed}/${this.#made};`);
    this.#made += 1;
    if (this.#layers.length < mostLayers) this.#layers.push(bytes);
    else this.#layers[this.#chance.below(mostLayers)] = bytes;
    return bytes;
  }

  #document(mediaType: string, more: object): Buffer {
    const annotations = { salt: String(this.#chance.below(2 ** 31)) };
    return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...more, annotations }));
  }

  #spoilt(what: string, { body }: Answer): void {
    this.spoilt.push(`${what}: ${body.subarray(0, 200).toString()}`);
  }

  async #ask(method: string, path: string, body?: Buffer, type?: string): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#once(method, path, body, type);
      const { status, retryAfter } = answer;
      if (status !== 503 || retryAfter === undefined || tries === mostTries) return answer;
      this.counts.retry += 1;
      await pause(retryAfter * 1_000);
    }
  }

  #once(method: string, path: string, body?: Buffer, type = "application/octet-stream") {
    const { port, host } = this.#plan;
    const length = { "content-length": String(body?.length ?? 0), "content-type": type };
    const headers = { host, ...(method === "POST" || method === "PUT" ? length : {}) };
    return new Promise<Answer>((resolve, reject) => {
      const asked = request(
        { agent: this.#agent, host: "127.0.0.1", port, path: `/v2/${path}`, method, headers },
        (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("error", reject);
          response.on("end", () => {
            const { statusCode: status = 0, headers: fields } = response;
            const wait = fields["retry-after"];
            const retryAfter = wait === undefined ? undefined : Number(wait);
            const { location } = fields;
            resolve({ status, body: Buffer.concat(pieces), location, retryAfter });
          });
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });
  }
}

type Listing = {
  readonly manifests?: readonly { readonly digest: Digest }[];
  readonly layers?: readonly { readonly digest: Digest }[];
};

function described(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
