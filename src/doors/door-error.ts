/** What keeps a door from opening, as a code from a closed list; the message is for the operator. */

export type DoorErrorCode =
  /** A setting's text makes no sense: an address range, a login, a host name. */
  | "SETTING"
  /** The address cannot be listened on. */
  | "LISTEN"
  /** A private key that others on this machine can read. */
  | "KEY_EXPOSED"
  /** A private key that is missing, of an unusable kind, or locked with another pass-phrase. */
  | "KEY"
  /** A CA certificate that is missing, expired, no CA, or not the key's. */
  | "CERTIFICATE"
  /** A file of the CA cannot be read or written. */
  | "IO";

export class DoorError extends Error {
  readonly code: DoorErrorCode;

  constructor(code: DoorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DoorError";
    this.code = code;
  }
}
