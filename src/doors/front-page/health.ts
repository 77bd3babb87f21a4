/** `/healthz`: this process answers. `/readyz`: it does its job, or what keeps it from doing it well. */

export type Health = {
  /** Stopping: no new work should be sent here. */
  readonly isStopping: boolean;
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

export function readiness({ isStopping, degraded, budgets = [] }: Health): HealthAnswer {
  const state = degraded.length > 0 ? "degraded" : "ready";
  const body = {
    status: isStopping ? "stopping" : state,
    reasons: degraded,
    ...(budgets.length === 0 ? {} : { budgets }),
  };
  return { status: isStopping ? 503 : 200, body: `${JSON.stringify(body)}\n` };
}
