/** What every look of doctor's has to go by. */
import type { Lookup } from "../../../upstream/net/name-lookup.ts";
import type { Build } from "../../build.ts";
import type { Loaded } from "../../settings/load.ts";
import type { Symptom } from "./symptom.ts";

/** The one that runs with this data folder. */
export type RunningServer = {
  readonly build: Build;
  readonly pid: number | undefined;
  /** Hosts that clients were passed on to untouched. */
  readonly tunnels: readonly { readonly host: string; readonly times: number }[];
};

export type Examination = Pick<Loaded, "settings" | "secretFiles"> & {
  readonly environment: NodeJS.ProcessEnv;
  /** Undefined where none runs with this data folder. */
  readonly server: RunningServer | undefined;
  /** False where a start would fail: then nobody else is asked. */
  readonly mayAsk: boolean;
  readonly now: () => number;
  readonly lookup: Lookup | undefined;
  /** Ends whatever is asked elsewhere. */
  readonly signal: AbortSignal;
};

export type Look = (its: Examination) => Promise<readonly Symptom[]>;
