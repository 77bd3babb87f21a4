/** How an ACME service is shown that a name is ours: something is put where it looks, and taken away again. */

export type Proof = {
  /** The name as ordered, without `*.`. */
  readonly domain: string;
  readonly token: string;
  /** What the service wants to find: the key authorization, for a record its hash. */
  readonly answer: string;
};

export interface Challenges {
  /** As the service calls it (RFC 8555 §8). */
  readonly type: "http-01" | "dns-01";
  /** Resolves once the service may look. Throws with a sentence for the log. */
  show(proof: Proof, signal: AbortSignal): Promise<void>;
  /** Throws with a sentence for the log; nothing depends on it. */
  hide(proof: Proof): Promise<void>;
}
