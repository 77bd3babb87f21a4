import { createHash } from "node:crypto";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import type { ByteSource } from "../../../src/download/byte-source.ts";
import {
  type DownloadAsk,
  Downloads,
  type DownloadsOptions,
} from "../../../src/download/downloads.ts";
import type { OpenSource } from "../../../src/download/sources.ts";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../../../src/protocol/reference.ts";
import { canonicalRegistry, type Registry } from "../../../src/protocol/registry-name.ts";
import { openBlobAt, openBlobPart } from "../../../src/upstream/client/blob-range.ts";
import type { RegistryClient } from "../../../src/upstream/registry-client.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { noBooks } from "../../support/no-books.ts";
import { TestClock } from "../../support/test-clock.ts";
import { type Script, ScriptedRegistry } from "./scripted-registry.ts";

/** Bytes that look random and are the same every time. */
export function content(size: number, seed = "entrepot"): Buffer {
  return createHash("shake256", { outputLength: size }).update(seed).digest();
}

export function registry(name = "registry.example"): Registry {
  const canonical = canonicalRegistry(name);
  if (canonical === undefined) throw new TypeError(name);
  return { name: canonical, scheme: "https" };
}

export function repository(name = "team/app"): RepositoryName {
  const parsed = parseRepositoryName(name);
  if (parsed === undefined) throw new TypeError(name);
  return parsed;
}

/** What one client asks for, unless the test says otherwise. */
export function askFor(digest: Digest, change: Partial<DownloadAsk> = {}): DownloadAsk {
  return {
    registry: registry(),
    repository: repository(),
    digest,
    access: { kind: "anonymous" },
    from: 0,
    signal: new AbortController().signal,
    ...change,
  };
}

/** Opens what this registry has, as downloads do. */
export function openerOf(client: RegistryClient): OpenSource {
  return ({ registry: at, repository: name, digest, access }, offset, signal, part) => {
    const ask = { registry: at, repository: name, digest, access, offset, signal };
    return part === undefined ? openBlobAt(client, ask) : openBlobPart(client, { ...ask, ...part });
  };
}

/** Downloads of one blob from a scripted registry. */
export function scene(
  bytes: Uint8Array,
  script?: (nth: number, authorization: string) => Script,
  options: Partial<DownloadsOptions> = {},
) {
  const upstream = new ScriptedRegistry(bytes, (request, nth) => {
    const { access } = request;
    return script?.(nth, access.kind === "client" ? access.authorization : access.kind) ?? {};
  });
  const blobs = new MemoryBlobStore();
  const clock = new TestClock();
  const events: CacheEvent[] = [];
  const observe = (event: CacheEvent): void => void events.push(event);
  const downloads = new Downloads({
    ...{ client: upstream, blobs, books: noBooks, observe, clock },
    ...options,
  });
  const digest = digestOf(bytes);
  return { upstream, blobs, clock, events, downloads, digest };
}

export type ReadOptions = {
  readonly from?: number;
  readonly to?: number;
  readonly buffer?: number;
  readonly signal?: AbortSignal;
  readonly onBytes?: (total: number) => unknown;
};

/** Reads as a client does, front to back, and is content with as many bytes as were promised. */
export async function readAll(
  source: Pick<ByteSource, "size" | "read">,
  options: ReadOptions = {},
): Promise<Buffer> {
  const {
    from = 0,
    to = Number.POSITIVE_INFINITY,
    signal = new AbortController().signal,
  } = options;
  const parts: Buffer[] = [];
  let position = from;
  while (position < Math.min(to, source.size ?? to)) {
    const buffer = Buffer.allocUnsafe(Math.min(options.buffer ?? 64 * 1024, to - position));
    const length = await source.read(buffer, position, signal);
    if (length === 0) break;
    parts.push(buffer.subarray(0, length));
    position += length;
    await options.onBytes?.(position - from);
  }
  return Buffer.concat(parts);
}

/** Opens, reads to the end, closes. */
export async function pull(downloads: Downloads, ask: DownloadAsk, options: ReadOptions = {}) {
  const { source } = await downloads.open(ask);
  try {
    return await readAll(source, { from: ask.from, signal: ask.signal, ...options });
  } finally {
    await source.close();
  }
}
