/** What systemd handed over and nobody listens on here: who connects is turned away, the operator is told. */
import { TurnedAway } from "../../doors/server/turned-away.ts";
import type { GivenSockets } from "../given-sockets.ts";
import type { Settings } from "../settings/settings.ts";

export type UnusedSockets = {
  readonly warnings: readonly string[];
  readonly stop: () => Promise<void>;
};

export async function openUnusedSockets(
  { mirror }: Settings,
  { http, unknown = [] }: GivenSockets,
): Promise<UnusedSockets> {
  const hasChallenges = mirror.acmeDomains.length > 0 && mirror.acmeChallenge === "http-01";
  const isIdle = http !== undefined && !hasChallenges;
  const turnedAway = await TurnedAway.open(isIdle ? [...unknown, http] : unknown);
  return { warnings: isIdle ? [noChallenges] : [], stop: () => turnedAway.stop() };
}

const noChallenges =
  "the socket for http-01 challenges (entrepot-http.socket) is open and whoever connects is turned away: " +
  "no certificate is ordered that way; set ACME_DOMAINS with ACME_CHALLENGE=http-01, or close it: " +
  "systemctl disable --now entrepot-http.socket";
