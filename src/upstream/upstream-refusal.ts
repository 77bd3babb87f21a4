/** A registry that did answer, but with another status than a blob comes with. */
import type { HeaderList } from "../protocol/http/header-list.ts";

/** Carries the registry's own answer, its body cut at 64 KiB, to be passed on. */
export class UpstreamRefusal extends Error {
  readonly code = "REFUSED";
  readonly response: {
    readonly status: number;
    readonly headers: HeaderList;
    readonly body: Buffer;
  };

  constructor(response: UpstreamRefusal["response"]) {
    super(`the registry answered ${response.status}`);
    this.name = "UpstreamRefusal";
    this.response = response;
  }
}
