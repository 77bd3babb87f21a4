/** A client that pushes one image after another and remembers everything that was acknowledged. */
import { below, seededBytes, seededRandom, sha256 } from "./seeded.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const config = Buffer.from("{}");

/** Bytes are made again from what is kept of them. */
type Layer = { readonly seed: string; readonly size: number; readonly digest: string };

type Tagged = {
  /** The last that was acknowledged. */
  manifest: string | undefined;
  /** Sent since then, and never answered: each may have been taken. */
  readonly maybe: Set<string>;
};

export class Pusher {
  brokenOff = 0;
  readonly #base: string;
  readonly #name: string;
  readonly #random: () => number;
  readonly #layers = new Map<string, Layer>();
  readonly #manifests = new Map<string, string>();
  readonly #tags = new Map<string, Tagged>();
  #count = 0;

  constructor(host: string, seed: number) {
    this.#name = `pusher/p${seed}`;
    this.#base = `http://${host}/v2/${this.#name}`;
    this.#random = seededRandom(seed);
  }

  get blobs(): number {
    return this.#layers.size;
  }

  get manifests(): number {
    return this.#manifests.size;
  }

  /** Resolves once the server has gone; throws what it should never answer. */
  async pushUntilBroken(): Promise<void> {
    try {
      for (;;) await this.#push();
    } catch (error) {
      // That is how fetch tells of a connection that broke.
      if (!(error instanceof TypeError)) throw error;
      this.brokenOff += 1;
    }
  }

  async checkAll(): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const layer of this.#layers.values()) lost.push(...(await this.#checkLayer(layer)));
    for (const [digest, text] of this.#manifests) {
      const answer = await fetch(`${this.#base}/manifests/${digest}`);
      if ((await answer.text()) !== text) lost.push(`manifest ${digest}: ${answer.status}`);
    }
    for (const tag of this.#tags.keys()) lost.push(...(await this.#checkTag(tag)));
    return lost;
  }

  /** What was acknowledged right before the kill. */
  async checkLast(): Promise<readonly string[]> {
    const layer = [...this.#layers.values()].at(-1);
    const tag = [...this.#tags.keys()].at(-1);
    return [
      ...(layer === undefined ? [] : await this.#checkLayer(layer)),
      ...(tag === undefined ? [] : await this.#checkTag(tag)),
    ];
  }

  async #checkLayer({ seed, size, digest }: Layer): Promise<readonly string[]> {
    const answer = await fetch(`${this.#base}/blobs/${digest}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return bytes.equals(seededBytes(seed, size)) ? [] : [`blob ${digest}: ${answer.status}`];
  }

  async #checkTag(tag: string): Promise<readonly string[]> {
    const { manifest, maybe } = this.#tags.get(tag) ?? { manifest: undefined, maybe: new Set() };
    const answer = await fetch(`${this.#base}/manifests/${tag}`);
    const text = await answer.text();
    const isNone = answer.status === 404 && manifest === undefined;
    return text === manifest || maybe.has(text) || isNone ? [] : [`tag ${tag}: ${answer.status}`];
  }

  async #push(): Promise<void> {
    this.#count += 1;
    const size = 1_000 + below(this.#random, this.#random() < 0.1 ? 3_000_000 : 100_000);
    const seed = `${this.#name} ${this.#count}`;
    const bytes = seededBytes(seed, size);
    const digest = sha256(bytes);
    await this.#pushWhole(config);
    await (this.#random() < 0.5 ? this.#pushWhole(bytes) : this.#pushInParts(bytes));
    this.#layers.set(digest, { seed, size, digest });
    const text = manifestOf(bytes, digest);
    const tag = `t${below(this.#random, 5)}`;
    const tagged = this.#tags.get(tag) ?? { manifest: undefined, maybe: new Set<string>() };
    // The one written last comes last.
    this.#tags.delete(tag);
    this.#tags.set(tag, tagged);
    tagged.maybe.add(text);
    await this.#ask(201, "PUT", `${this.#base}/manifests/${tag}`, Buffer.from(text), manifestType);
    tagged.manifest = text;
    tagged.maybe.clear();
    this.#manifests.set(sha256(Buffer.from(text)), text);
  }

  async #pushWhole(bytes: Buffer): Promise<void> {
    const url = `${this.#base}/blobs/uploads/?digest=${sha256(bytes)}`;
    await this.#ask(201, "POST", url, bytes);
  }

  async #pushInParts(bytes: Buffer): Promise<void> {
    const half = bytes.length >> 1;
    let where = await this.#ask(202, "POST", `${this.#base}/blobs/uploads/`);
    where = await this.#ask(202, "PATCH", where, bytes.subarray(0, half));
    where = await this.#ask(202, "PATCH", where, bytes.subarray(half));
    await this.#ask(201, "PUT", `${where}?digest=${sha256(bytes)}`);
  }

  /** Resolves with the Location. Throws TypeError when the connection breaks. */
  async #ask(
    wanted: number,
    method: string,
    url: string,
    ...[body, type = "application/octet-stream"]: [body?: Buffer, type?: string]
  ): Promise<string> {
    const answer = await fetch(url, {
      ...{ method, headers: { "content-type": type } },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    const text = await answer.text();
    if (answer.status !== wanted) {
      throw new Error(`${method} ${url} is ${answer.status} and not ${wanted}: ${text}`);
    }
    return new URL(answer.headers.get("location") ?? "", url).href;
  }
}

function manifestOf(bytes: Buffer, digest: string): string {
  return JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      ...{ digest: sha256(config), size: config.length },
    },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: bytes.length }],
  });
}
