/**
 * Work that is followed from room to room: whoever does some says when it begins, and what is known of
 * it at its end. Where nobody follows there is no Tracing, and all it costs is to see that.
 */

/** Names and values, none of them secret; undefined is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

export type SpanStart = {
  /** One of few: names are counted. */
  readonly name: string;
  /** `serves` who asked here, `asks` somebody else, or does something that others may wait for. */
  readonly role: "serves" | "asks" | "works";
  readonly attributes?: Attributes;
  /** The fields of a request, which may name the span that it is a part of. */
  readonly from?: Readonly<Record<string, string | readonly string[] | undefined>>;
};

export type SpanEnd = {
  /** A better one than at its start. */
  readonly name?: string;
  readonly attributes?: Attributes;
  /** Why it came to nothing. */
  readonly failure?: string | undefined;
};

export interface Span {
  /** Does the work: what begins in it is a part of this span. */
  within<T>(work: () => T): T;
  /** Whoever works in another span at the moment waits for this one too. */
  waitedFor(): void;
  /** The request fields by which another program says that what it does is a part of this span. */
  fields(): readonly (readonly [name: string, value: string])[];
  /** Of several calls the first counts. */
  end(how: SpanEnd): void;
}

export interface Tracing {
  /** A part of the span that is worked in at the moment, if that has not ended. */
  begin(start: SpanStart): Span;
}

/** The work, done in a span that ends with it. */
export async function doneIn<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const result = await span.within(work);
    span.end({});
    return result;
  } catch (error) {
    span.end({ failure: failureOf(error) });
    throw error;
  }
}

/** What an error is called: its code, or its class. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return "Error";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
