import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { framingProblem, webSocketRefused } from "../../../src/doors/server/request-head.ts";

describe("a request is refused whole", () => {
  it.each([
    ["with two Hosts", { rawHeaders: ["Host", "a", "host", "b"] }, 400],
    ["with a body on GET", { rawHeaders: ["Host", "a", "Content-Length", "3"] }, 400],
  ])("%s", (_what, fields, status) => {
    expect(framingProblem(request(fields))?.status).toBe(status);
  });
});

it("a WebSocket's is told that it is none", () => {
  expect(webSocketRefused(request({ headers: { upgrade: "WebSocket" } }))?.status).toBe(501);
  expect(webSocketRefused(request({ headers: { upgrade: "h2c" } }))).toBeUndefined();
});

it.each([
  ["plain", {}],
  ["that would rather speak h2c", { headers: { upgrade: "h2c" } }],
  [
    "with an empty body on DELETE",
    { method: "DELETE", rawHeaders: ["Host", "a", "Content-Length", "0"] },
  ],
])("a request %s is fine", (_what, fields) => {
  expect(framingProblem(request(fields))).toBeUndefined();
});

function request(fields: Partial<IncomingMessage>): IncomingMessage {
  const its = {
    method: "GET",
    url: "/v2/",
    httpVersion: "1.1",
    headers: {},
    rawHeaders: ["Host", "a"],
  };
  return { ...its, ...fields } as IncomingMessage;
}
