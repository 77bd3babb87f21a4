/**
 * What readers keep of answers until they have all of it: manifests, lists, refusals. 64 MiB of all of them
 * together; beyond, the client for whom most is kept loses the answer that has stood still longest.
 */
import { HeldBytes } from "../../runtime/held-bytes.ts";
import type { RegistryRequest, RegistryResponse } from "../registry-client.ts";
import { UpstreamError } from "../upstream-error.ts";

const usualBudget = 64 * 1024 * 1024;

export class KeptBytes {
  readonly #held: HeldBytes;

  constructor(budget = usualBudget) {
    this.#held = new HeldBytes(budget);
  }

  /** What its reader says that it keeps counts to the client it is for, until the body is closed. */
  count({ access, registry }: RegistryRequest, { body }: RegistryResponse): void {
    if (body.closed) return;
    const { name } = registry;
    const sentence = `too much is on its way here at once; the answer of ${name} came slowest`;
    const hold = this.#held.begin(access.from, () =>
      body.destroy(new UpstreamError("BUSY", name, sentence)),
    );
    body.keeps = hold.grow;
    body.once("close", hold.release);
  }
}
