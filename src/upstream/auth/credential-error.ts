/** What is wrong with the credentials as configured, in a sentence that holds no secret. */

export type CredentialErrorCode =
  /** The text cannot be read. */
  | "SYNTAX"
  /** The same host and port twice. */
  | "DUPLICATE"
  /** A credential helper is missing, fails, hangs or answers nonsense. */
  | "HELPER";

export class CredentialError extends Error {
  readonly code: CredentialErrorCode;

  constructor(code: CredentialErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CredentialError";
    this.code = code;
  }
}
