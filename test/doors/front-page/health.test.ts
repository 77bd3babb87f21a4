import { expect, it } from "vitest";
import { readiness } from "../../../src/doors/front-page/health.ts";

it.each([
  [{ isStopping: false, degraded: [] }, 200, { status: "ready", reasons: [] }],
  [{ isStopping: false, degraded: ["x"] }, 200, { status: "degraded", reasons: ["x"] }],
  [
    {
      isStopping: false,
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
  [{ isStopping: true, degraded: ["x"] }, 503, { status: "stopping", reasons: ["x"] }],
])("readiness of %j", (health, status, told) => {
  const answer = readiness(health);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toEqual(told);
});
