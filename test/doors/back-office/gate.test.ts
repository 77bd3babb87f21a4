import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { Gate, type GateOptions } from "../../../src/doors/back-office/gate.ts";
import { Sessions } from "../../../src/doors/back-office/sessions.ts";

const token = "CANARY-admin-token";
const readToken = "CANARY-reading-token";

function gateWith(
  options: Partial<GateOptions> = {},
  now = () => 0,
  localAddress: string | undefined = "127.0.0.1",
) {
  const sessions = new Sessions(now);
  const gate = new Gate({ isLocal: true, token, readToken, hosts: [], sessions, ...options });
  const judge = (method: string, url: string, headers: Record<string, string> = {}) =>
    gate.refusal({
      method,
      url,
      headers: { host: "127.0.0.1:3129", ...headers },
      socket: { localAddress },
    } as unknown as IncomingMessage)?.status ?? "in";
  return { judge, sessions };
}

const json = { "content-type": "application/json" };
const bearer = (word: string) => ({ authorization: `Bearer ${word}` });

describe("the back office's gate", () => {
  it.each([
    ["localhost:3129", "in"],
    ["127.0.0.1:13129", "in"],
    ["[::1]:3129", "in"],
    ["office.corp.example:3129", "in"],
    ["rebound.example:3129", 421],
    ["10.0.0.5:3129", 421],
    ["127.0.0.1.rebound.example", 421],
    ["", 421],
  ])("asked as %s says %s", (host, verdict) => {
    const { judge } = gateWith({ hosts: ["office.corp.example"] });
    expect(judge("GET", "/metrics", { host })).toBe(verdict);
  });

  it.each<[string, Record<string, string>, string | number]>([
    ["no token", {}, "in"],
    ["the token", bearer(token), "in"],
    ["a wrong token", bearer("CANARY-guessed-token"), 401],
  ])("lets who reads on loopback with %s", (_, headers, verdict) => {
    expect(gateWith().judge("GET", "/metrics", headers)).toBe(verdict);
  });

  it.each<[string, Record<string, string>, string | number, string | number]>([
    ["no token", {}, 401, 401],
    ["the reading token", bearer(readToken), "in", 403],
    ["the token", bearer(token), "in", "in"],
  ])("elsewhere, with %s", (_, headers, reading, changing) => {
    const { judge } = gateWith({ isLocal: false });
    expect(judge("GET", "/metrics", headers)).toBe(reading);
    expect(judge("POST", "/api/v1/links", { ...json, ...headers })).toBe(changing);
  });

  it.each(["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", ""])(
    "believes no setting that says loopback of who came in at %j",
    (localAddress) => {
      const { judge } = gateWith({}, undefined, localAddress);
      expect(judge("GET", "/metrics")).toBe(401);
      expect(judge("GET", "/metrics", bearer(readToken))).toBe("in");
    },
  );

  it("changes nothing on loopback without the token", () => {
    expect(gateWith().judge("POST", "/api/v1/links", json)).toBe(403);
    expect(gateWith({ token: undefined }).judge("POST", "/x", { ...json, ...bearer(token) })).toBe(
      401,
    );
  });

  it.each<[string, string, string, Record<string, string>]>([
    ["a foreign page's fetch", "GET", "/api/v1/status", { "sec-fetch-site": "cross-site" }],
    ["a sister site's image", "GET", "/metrics", { "sec-fetch-site": "same-site" }],
    ["a foreign form", "POST", "/", { ...json, origin: "https://evil.example", ...bearer(token) }],
    ["a sandboxed frame", "GET", "/api/v1/status", { origin: "null" }],
    [
      "a foreign frame around the page",
      "GET",
      "/",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    ],
    [
      "a link to the API",
      "GET",
      "/api/v1/status",
      {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
      },
    ],
  ])("refuses %s", (_, method, url, headers) => {
    expect(gateWith().judge(method, url, headers)).toBe(403);
  });

  it("opens the page to who follows a link in a chat, and its own page to itself", () => {
    const { judge } = gateWith();
    const link = {
      ...{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
      "sec-fetch-dest": "document",
    };
    expect(judge("GET", "/", link)).toBe("in");
    const own = { "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:3129" };
    expect(judge("POST", "/x", { ...json, ...own, ...bearer(token) })).toBe("in");
  });

  it.each([
    ["PUT", json, 405],
    ["DELETE", json, 405],
    ["POST", { "content-type": "text/plain" }, 415],
    ["POST", { "content-type": "application/x-www-form-urlencoded" }, 415],
  ])("takes no %s of %j", (method, headers, verdict) => {
    expect(gateWith().judge(method, "/x", { ...headers, ...bearer(token) })).toBe(verdict);
  });

  it("lets a link in once, within a minute, and then its session for a day's work", () => {
    let now = 0;
    const { judge, sessions } = gateWith({ isLocal: false }, () => now);
    const session = sessions.take(sessions.offer()) ?? "";
    const cookie = { cookie: `other=1; entrepot_session=${session}` };
    expect(judge("POST", "/x", { ...json, ...cookie })).toBe("in");
    now = 13 * 3_600_000;
    expect(judge("GET", "/", cookie)).toBe(401);

    const late = sessions.offer();
    now += 61_000;
    expect(sessions.take(late)).toBeUndefined();
    const twice = sessions.offer();
    expect(sessions.take(twice)).toBeDefined();
    expect(sessions.take(twice)).toBeUndefined();
    expect(judge("GET", "/", { cookie: "entrepot_session=" })).toBe(401);
  });
});
