/** Why there is no certificate, in the service's own words, and when it may be asked again. */

export class AcmeError extends Error {
  readonly code: "UNREACHABLE" | "REFUSED" | "CHALLENGE";
  /** Milliseconds it wants to be left alone; undefined when it did not say. */
  readonly retryAfter: number | undefined;

  constructor(
    code: AcmeError["code"],
    message: string,
    options: ErrorOptions & { readonly retryAfter?: number | undefined } = {},
  ) {
    super(message, options);
    this.name = "AcmeError";
    this.code = code;
    this.retryAfter = options.retryAfter;
  }
}
