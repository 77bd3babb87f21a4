/**
 * The archive as the first source of a download, before the registry: where it breaks off the registry goes
 * on, and where that cannot be asked, the archive is asked again. Its bytes are hashed like any other's.
 */
import type { Digest } from "../protocol/digest.ts";
import type { ArchivedBytes, ArchiveRange } from "../store/archive.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";
import type { OpenSource } from "./sources.ts";

export interface ArchiveSource {
  /** Undefined when it is not there. Throws StoreError ARCHIVE, the bytes too. */
  open(
    digest: Digest,
    range: ArchiveRange,
    signal: AbortSignal,
  ): Promise<ArchivedBytes | undefined>;
  /** What came from there, or what the registry added to it, was wrong. Never rejects. */
  suspect(digest: Digest): void;
}

/** For one download. `upstream` undefined: nobody else has it. */
export function archiveFirst(
  archive: Pick<ArchiveSource, "open">,
  upstream: OpenSource | undefined,
): OpenSource {
  const first = new ArchiveFirst(archive, upstream);
  return (...ask) => first.open(...ask);
}

class ArchiveFirst {
  readonly #archive: Pick<ArchiveSource, "open">;
  readonly #upstream: OpenSource | undefined;
  /** It broke off, and the registry is asked next. */
  #isBroken = false;
  #hasServed = false;

  constructor(archive: Pick<ArchiveSource, "open">, upstream: OpenSource | undefined) {
    this.#archive = archive;
    this.#upstream = upstream;
  }

  async open(...ask: Parameters<OpenSource>): Promise<OpenedBlob> {
    if (this.#upstream === undefined) return await this.#fromArchive(...ask);
    if (!this.#isBroken) {
      const opened = await this.#fromArchive(...ask).catch(() => undefined);
      if (opened !== undefined) return opened;
      ask[2].throwIfAborted();
    }
    return await this.#fromRegistry(this.#upstream, ask);
  }

  async #fromArchive(...[{ digest }, start, signal, part]: Parameters<OpenSource>) {
    const range = { start, end: part?.end };
    const opened = await this.#archive.open(digest, range, signal).catch((error: unknown) => {
      throw asFailure(error);
    });
    if (opened === undefined) throw gone();
    this.#hasServed = true;
    return asOpened(opened, () => {
      this.#isBroken = true;
    });
  }

  async #fromRegistry(upstream: OpenSource, ask: Parameters<OpenSource>): Promise<OpenedBlob> {
    try {
      return await upstream(...ask);
    } catch (error) {
      this.#isBroken = false;
      // Of what a client has the half of, no refusal is the end.
      throw this.#hasServed && error instanceof UpstreamRefusal ? asFailure(error) : error;
    }
  }
}

function asOpened({ size, body, close }: ArchivedBytes, onBroken: () => void): OpenedBlob {
  return {
    total: size,
    headers: new Map(),
    isArchived: true,
    body: told(body, onBroken),
    close,
  };
}

async function* told(body: AsyncIterable<Uint8Array>, onBroken: () => void) {
  try {
    yield* body;
  } catch (error) {
    onBroken();
    throw asFailure(error);
  }
}

/** As downloads know failures that pass. */
function asFailure(cause: unknown): UpstreamError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UpstreamError("RESET", "the archive", why, { cause });
}

function gone(): UpstreamError {
  return new UpstreamError("FORBIDDEN", "the archive", "the archive has it no more");
}
