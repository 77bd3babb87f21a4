/** `entrepot ca rotate`: the next CA beside the one that signs, and later in its place. */
import { stat } from "node:fs/promises";
import { DoorError } from "../../doors/door-error.ts";
import { openNextAuthority, switchAuthority } from "../../doors/proxy/authority/rotation.ts";
import { composeAuthority, ownAuthority } from "../compose/authority.ts";
import { composeListen } from "../compose/listen.ts";
import { namedRegistries } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";
import { becomeOwner } from "./owner.ts";

export type RotateParts = {
  readonly settings: Settings;
  /** The next one takes its place now. */
  readonly isSwitch: boolean;
  readonly now: () => number;
  readonly print: (line: string) => void;
};

/** Resolves with the exit code. Throws DoorError with a sentence. */
export async function rotateCa({ settings, isSwitch, now, print }: RotateParts): Promise<number> {
  if (settings.authority.cert !== undefined) {
    const sentence = "CA_CERT names a CA of your own; make its successor where that was made";
    throw new DoorError("CERTIFICATE", sentence);
  }
  const { dataDir } = settings.files;
  const its = await stat(dataDir).catch(() => undefined);
  // What root leaves there the server could not read.
  if (its !== undefined) becomeOwner(its);
  const names = { ...composeListen(settings), named: namedRegistries(settings) };
  const before = await composeAuthority(settings, names, now);
  const options = ownAuthority(settings, names, now);
  if (isSwitch) {
    const { fingerprint } = await switchAuthority(options);
    print(
      `${fingerprint} signs from the next start of the server on; ${before.fingerprint} is gone.`,
    );
    return 0;
  }
  const next = await openNextAuthority(options);
  const isNew = before.next === undefined;
  print(
    isNew ? `The next CA is made: ${next.fingerprint}` : `The next CA waits: ${next.fingerprint}`,
  );
  print(
    `${before.fingerprint} goes on signing. From the next start of the server on, /ca.crt and the scripts`,
  );
  print(
    "under /setup/ have both. Run those again on every client, then: entrepot ca rotate --switch",
  );
  return 0;
}
