/**
 * One reader's own way to the rest of a range when the shared file ends early. It is no complete
 * body, so its bytes go out as they arrive.
 */
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { DownloadError } from "./download-error.ts";
import type { OwnWay, OwnWayUpstream } from "./own-way.ts";
import { ResumingBody } from "./resuming-body.ts";
import { Window } from "./window.ts";

export class OwnPart implements OwnWay {
  readonly #stop = new AbortController();
  readonly #body: ResumingBody;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #window: Window;

  constructor(part: { readonly start: number; readonly end: number }, upstream: OwnWayUpstream) {
    const { start, end } = part;
    const signal = this.#stop.signal;
    this.#window = new Window(start);
    this.#body = new ResumingBody({
      ...upstream,
      open: (offset) => openPart(upstream, { offset, end, signal }),
      from: start,
      until: end,
      isUnderway: true,
      signal,
    });
    this.#chunks = this.#body[Symbol.asyncIterator]();
  }

  get size(): number | undefined {
    return this.#body.size;
  }

  /** As ByteSource says, but only forward. An abort ends it: its only reader has gone. */
  async read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    const leave = (): void => this.#stop.abort(new DownloadError("ABORTED", "the reader has gone"));
    signal.addEventListener("abort", leave, { once: true });
    try {
      if (signal.aborted) leave();
      while (position >= this.#window.end) {
        const { done, value } = await this.#chunks.next();
        if (done === true) return 0;
        this.#window.push(value);
        this.#window.dropBefore(position);
      }
      return this.#window.copyTo(buffer, position, this.#window.end);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new DownloadError("ABANDONED", "the reader has gone"));
    await this.#chunks.return?.().catch(() => undefined);
  }
}

/** Of a registry that sends no parts all there is, as far as somebody reads it. */
async function openPart(
  { open }: OwnWayUpstream,
  { offset, end, signal }: { offset: number; end: number; signal: AbortSignal },
): Promise<OpenedBlob> {
  const part = await open(offset, signal, { end });
  if (part.hasNoParts !== true) return part;
  void part.close();
  return await open(offset, signal);
}
