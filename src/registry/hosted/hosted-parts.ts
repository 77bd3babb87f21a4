/** What the handlers of the hosted registry need, as compose hands it over. */
import type { Blobs } from "../../hosted/blobs.ts";
import type { ObserveHosted } from "../../hosted/hosted-event.ts";
import type { HostedTokens } from "../../hosted/hosted-tokens.ts";
import type { Listings } from "../../hosted/listings.ts";
import type { Logins } from "../../hosted/logins.ts";
import type { HostedManifests } from "../../hosted/manifests.ts";
import type { Rights } from "../../hosted/rights.ts";
import type { Uploads } from "../../hosted/uploads.ts";

export type HostedParts = {
  readonly blobs: Blobs;
  readonly manifests: HostedManifests;
  readonly uploads: Uploads;
  readonly listings: Listings;
  readonly rights: Rights;
  readonly logins: Logins;
  readonly tokens: HostedTokens;
  readonly observe: ObserveHosted;
  /** PUBLIC_URL: where clients find us that come through something which ends TLS. */
  readonly publicUrl: string | undefined;
  /** Milliseconds that a client which is sending a body may pause; a minute. */
  readonly bodyIdle?: number;
};
