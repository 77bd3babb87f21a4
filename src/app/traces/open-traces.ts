/** Traces, where the environment wants any: then alone are OpenTelemetry's packages loaded. */
import type { Tracing } from "../../runtime/tracing.ts";
import type { Log } from "../log.ts";
import { wantedTraces } from "./wanted-traces.ts";

export type Traces = {
  readonly tracing: Tracing | undefined;
  readonly warnings: readonly string[];
  /** Delivers what there is, or gives it up after two seconds. Never rejects. */
  readonly close: () => Promise<void>;
};

export type TracesParts = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly log: Pick<Log, "note">;
};

export async function openTraces({ environment, version, log }: TracesParts): Promise<Traces> {
  const { exporters, warnings } = wantedTraces(environment);
  if (exporters.length === 0)
    return { tracing: undefined, warnings, close: () => Promise.resolve() };
  const { startTraces } = await import("./exported-traces.ts");
  return { ...startTraces({ exporters, version, log }), warnings };
}
