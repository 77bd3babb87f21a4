/** The client is what keeps an answer from being written. */
export class ClientGone extends Error {
  readonly code: "LEFT" | "STOPPED_READING";

  constructor(code: ClientGone["code"], options?: ErrorOptions) {
    super(code === "LEFT" ? "the client left" : "the client stopped reading", options);
    this.name = "ClientGone";
    this.code = code;
  }
}
