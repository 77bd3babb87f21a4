import { expect, it } from "vitest";
import { readiness } from "../../../src/doors/front-page/health.ts";

it.each([
  [{ phase: "running", degraded: [] }, 200, { status: "ready", reasons: [] }],
  [{ phase: "running", degraded: ["x"] }, 200, { status: "degraded", reasons: ["x"] }],
  [
    {
      phase: "running",
      degraded: [],
      budgets: [{ registry: "docker.io", limit: 100, remaining: 3 }],
    },
    200,
    {
      status: "ready",
      reasons: [],
      budgets: [{ registry: "docker.io", limit: 100, remaining: 3 }],
    },
  ],
  [{ phase: "starting", degraded: [] }, 503, { status: "starting", reasons: [] }],
  [{ phase: "stopping", degraded: ["x"] }, 503, { status: "stopping", reasons: ["x"] }],
] as const)("readiness of %j", (health, status, told) => {
  const answer = readiness(health);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toEqual(told);
});
