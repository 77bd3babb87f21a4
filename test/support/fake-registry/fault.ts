/**
 * What a fake registry can be told to do wrong. Every position is an offset in the whole content
 * (not in the response), so a resumed request that starts behind it is not touched by corruptAt and
 * is cut at once by cutAt.
 */

/** A door the test opens; `reached` tells that somebody stands before it. */
class Gate {
  readonly #opening = Promise.withResolvers<void>();
  readonly #reaching = Promise.withResolvers<void>();

  /** Resolves when the server first waits here. */
  get reached(): Promise<void> {
    return this.#reaching.promise;
  }

  open(): void {
    this.#opening.resolve();
  }

  pass(): Promise<void> {
    this.#reaching.resolve();
    return this.#opening.promise;
  }
}

export type Fault =
  | { readonly kind: "cutAt"; readonly at: number }
  | { readonly kind: "stallAt"; readonly at: number; readonly gate: Gate }
  | { readonly kind: "corruptAt"; readonly at: number }
  | { readonly kind: "lieAboutLength"; readonly by: number }
  | { readonly kind: "slice"; readonly size: number }
  | { readonly kind: "slow"; readonly bytesPerSecond: number }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: "redirect"; readonly url: string | ((path: string) => string); status: number }
  | { readonly kind: "ignoreRange" }
  | { readonly kind: "wrongRange"; readonly by: number }
  | { readonly kind: "encode"; readonly encoding: Encoding }
  | { readonly kind: "noLength" }
  | { readonly kind: "holdHeaders"; readonly gate: Gate }
  | { readonly kind: "headers"; readonly headers: Readonly<Record<string, string | undefined>> }
  | { readonly kind: "reset" };

export type Encoding = "gzip" | "deflate" | "br" | "zstd";

type FaultOf<K extends Fault["kind"]> = Extract<Fault, { kind: K }>;

/** The connection ends when the bytes before `at` have been sent. */
export const cutAt = (at: number): Fault => ({ kind: "cutAt", at });

/** Nothing more is sent from `at` on until the gate is opened. */
export const stallAt = (at: number): FaultOf<"stallAt"> => ({
  kind: "stallAt",
  at,
  gate: new Gate(),
});

/** The byte at `at` has all its bits flipped. */
export const corruptAt = (at: number): Fault => ({ kind: "corruptAt", at });

/** Content-Length says so many bytes more (or fewer) than are sent; then the connection ends. */
export const lieAboutLength = (by: number): Fault => ({ kind: "lieAboutLength", by });

/** The body is written in pieces of this size. */
export const slice = (size: number): Fault => ({ kind: "slice", size });

export const slow = (bytesPerSecond: number): Fault => ({ kind: "slow", bytesPerSecond });

export const status = (
  code: number,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): Fault => ({ kind: "status", status: code, headers, body });

/** Sends elsewhere; a function is given the path asked for. */
export const redirect = (url: string | ((path: string) => string), code = 307): Fault => ({
  kind: "redirect",
  url,
  status: code,
});

/** A 200 with everything, whatever range was asked. */
export const ignoreRange = (): Fault => ({ kind: "ignoreRange" });

/** A 206 (also told so by Content-Range) that starts so many bytes off. */
export const wrongRange = (by = -1): Fault => ({ kind: "wrongRange", by });

/** Sends a Content-Encoding nobody asked for (only with answers that carry the whole). */
export const encode = (encoding: Encoding): Fault => ({ kind: "encode", encoding });

/** Chunked, without Content-Length. */
export const noLength = (): Fault => ({ kind: "noLength" });

/** Not even headers until the gate is opened. */
export const holdHeaders = (): FaultOf<"holdHeaders"> => ({
  kind: "holdHeaders",
  gate: new Gate(),
});

/** Sets these response headers; undefined leaves one out. */
export const withHeaders = (fields: Readonly<Record<string, string | undefined>>): Fault => ({
  kind: "headers",
  headers: fields,
});

/** The connection is reset before any answer. */
export const reset = (): Fault => ({ kind: "reset" });

/** Which requests a fault is for; what is left out matches anything. */
export type When = {
  readonly method?: string;
  /** Tested against the path with its query. */
  readonly path?: RegExp;
  /** Only the first so many that match; without it, all. */
  readonly times?: number;
  /** Only requests that carry a Range (true) or carry none (false). */
  readonly range?: boolean;
};

export class FaultScript {
  readonly #entries: { readonly when: When; readonly faults: readonly Fault[]; left: number }[] =
    [];

  add(when: When, faults: readonly Fault[]): void {
    this.#entries.push({ when, faults, left: when.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#entries.length = 0;
  }

  /** The faults for this request; the latest instruction that matches and is not used up wins. */
  take(request: { method: string; path: string; hasRange: boolean }): readonly Fault[] {
    const entry = this.#entries.findLast(({ when, left }) => left > 0 && matches(when, request));
    if (entry === undefined) return [];
    entry.left -= 1;
    return entry.faults;
  }
}

function matches(
  when: When,
  request: { method: string; path: string; hasRange: boolean },
): boolean {
  return (
    (when.method === undefined || when.method === request.method) &&
    (when.path === undefined || when.path.test(request.path)) &&
    (when.range === undefined || when.range === request.hasRange)
  );
}

/** The one fault of this kind in the list, if any. */
export function faultOf<K extends Fault["kind"]>(
  faults: readonly Fault[],
  kind: K,
): FaultOf<K> | undefined {
  return faults.find((fault): fault is FaultOf<K> => fault.kind === kind);
}
