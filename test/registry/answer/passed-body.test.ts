import { describe, expect, it } from "vitest";
import { headerValue } from "../../../src/protocol/http/header-list.ts";
import { parseRoute } from "../../../src/protocol/route.ts";
import { presentable } from "../../../src/registry/answer/passed-body.ts";
import type { Ask } from "../../../src/registry/ask.ts";
import type { Exchange } from "../../../src/registry/exchange.ts";
import { askFor, passedOf, upstreamAnswer } from "../rig.ts";

function exchange(path: string, ask: Partial<Ask>, method = "GET"): Exchange {
  return { ask: askFor(path, ask), method, route: parseRoute(method, path) } as Exchange;
}

const prefixed = {
  door: "mirror",
  view: { repositoryPrefix: "ghcr.io/", namespace: undefined },
} as const;
const list = JSON.stringify({ name: "a", tags: ["1"] });

describe("an upstream's answer at a mirror", () => {
  it("names repositories as the client does, and is as long as it says", async () => {
    const passed = passedOf(upstreamAnswer(200, { "content-length": String(list.length) }, list));
    const { response } = await presentable(exchange("/v2/a/tags/list", prefixed), passed);
    const body = Buffer.concat(await response.body.toArray());
    expect(JSON.parse(body.toString())).toEqual({ name: "ghcr.io/a", tags: ["1"] });
    expect(headerValue(response.headers, "content-length")).toBe(String(body.length));
  });

  it.each<[string, Exchange, number, Record<string, string>]>([
    ["an error", exchange("/v2/a/tags/list", prefixed), 404, {}],
    ["compressed", exchange("/v2/a/tags/list", prefixed), 200, { "content-encoding": "gzip" }],
    ["asked for by HEAD", exchange("/v2/a/tags/list", prefixed, "HEAD"), 200, {}],
    ["a manifest", exchange("/v2/a/manifests/v1", prefixed), 200, {}],
    ["without a prefix", exchange("/v2/a/tags/list", { door: "mirror" }), 200, {}],
    ["in the forward proxy", exchange("/v2/a/tags/list", {}), 200, {}],
  ])("stays as it is when it is %s", async (_, asked, status, headers) => {
    const passed = passedOf(upstreamAnswer(status, headers, list));
    expect(await presentable(asked, passed)).toBe(passed);
  });

  it("is refused when it is a list too long to hold", async () => {
    const passed = passedOf(upstreamAnswer(200, {}, Buffer.alloc(4 * 1024 * 1024 + 1)));
    await expect(presentable(exchange("/v2/a/tags/list", prefixed), passed)).rejects.toMatchObject({
      status: 502,
    });
  });
});

describe("a redirected manifest", () => {
  const redirect = () => passedOf(upstreamAnswer(307, { location: "https://b.example/v2/a" }));

  it("is not there for a mirror's client, who could not follow it through the mirror", async () => {
    const asked = exchange("/v2/a/manifests/v1", { door: "mirror" });
    await expect(presentable(asked, redirect())).rejects.toMatchObject({
      status: 404,
      code: "MANIFEST_UNKNOWN",
    });
  });

  it("is passed on by the forward proxy, and a mirror passes on other redirects and 304", async () => {
    for (const [path, ask, status] of [
      ["/v2/a/manifests/v1", {}, 307],
      ["/v2/a/tags/list", { door: "mirror" }, 307],
      ["/v2/a/manifests/v1", { door: "mirror" }, 304],
    ] as const) {
      const passed = passedOf(upstreamAnswer(status));
      expect(await presentable(exchange(path, ask), passed)).toBe(passed);
    }
  });
});

describe("a refusal", () => {
  it("stays a refusal where clients may log in", async () => {
    const passed = passedOf(upstreamAnswer(401));
    for (const door of ["proxy", "mirror"] as const) {
      expect(await presentable(exchange("/v2/a/manifests/v1", { door }), passed)).toBe(passed);
    }
  });
});
