/** `/healthz`: this process answers. `/readyz`: it does its job, or what keeps it from doing it well. */

export type Health = {
  /** While starting, some doors are not open yet; while stopping, no new work should be sent here. */
  readonly phase: "starting" | "running" | "stopping";
  /** Sentences; pulls still work, but not as they should. */
  readonly degraded: readonly string[];
  /** What registries say is left of the pulls they allow (Docker Hub). */
  readonly budgets?: readonly {
    readonly registry: string;
    readonly limit: number;
    readonly remaining: number;
  }[];
};

export type HealthAnswer = { readonly status: 200 | 503; readonly body: string };

export function readiness({ phase, degraded, budgets = [] }: Health): HealthAnswer {
  const state = degraded.length > 0 ? "degraded" : "ready";
  const body = {
    status: phase === "running" ? state : phase,
    reasons: degraded,
    ...(budgets.length === 0 ? {} : { budgets }),
  };
  return { status: phase === "running" ? 200 : 503, body: `${JSON.stringify(body)}\n` };
}
