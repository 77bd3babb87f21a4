import { describe, expect, it } from "vitest";
import type { CacheOutcome } from "../../../src/cache/content.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { RegistryError } from "../../../src/protocol/registry-error.ts";
import { parseRoute } from "../../../src/protocol/route.ts";
import {
  contentFields,
  errorFields,
  flatFields,
  ownFields,
  passedFields,
  printOutcome,
} from "../../../src/registry/answer/answer-fields.ts";
import type { Exchange } from "../../../src/registry/exchange.ts";
import { askFor, contentOf, passedOf, upstreamAnswer } from "../rig.ts";

const exchange = (path = "/v2/a/manifests/v1"): Exchange =>
  ({ ask: askFor(path), route: parseRoute("GET", path), tally: {} }) as Exchange;

describe("Cache-Status", () => {
  it.each<[CacheOutcome, string]>([
    ["hit", "entrepot; hit"],
    ["miss", "entrepot; fwd=miss; stored"],
    ["collapsed", "entrepot; fwd=miss; collapsed"],
    ["revalidated", "entrepot; fwd=stale; detail=revalidated"],
    ["stale", "entrepot; fwd=stale; detail=stale"],
    ["negative", "entrepot; hit; detail=negative"],
    ["bypass", "entrepot; fwd=bypass"],
  ])("of a %s is %s", (outcome, text) => {
    expect(printOutcome(outcome)).toBe(text);
  });
});

describe("fields", () => {
  it("of a part of what is only arriving do not say that it is kept", () => {
    const content = contentOf(Buffer.from("xyz"), { outcome: "miss" });
    const told = (isPart: boolean): string | undefined => {
      const fields = contentFields(exchange(), content, isPart);
      return fields[fields.indexOf("Cache-Status") + 1];
    };
    expect([told(true), told(false)]).toEqual(["entrepot; fwd=miss", "entrepot; fwd=miss; stored"]);
  });

  it("of content never have a negative age, whatever the clock did", () => {
    const fields = contentFields(exchange(), contentOf(Buffer.from("x"), { age: -5 }));
    expect(fields[fields.indexOf("Age") + 1]).toBe("0");
    expect(contentFields(exchange(), contentOf(Buffer.from("x")))).not.toContain("Age");
  });

  it("of a warning cannot break out of it", () => {
    const warning = 'a"\r\nX-Evil: 1';
    const fields = contentFields(exchange(), contentOf(Buffer.from("x"), { warning }));
    expect(fields[fields.indexOf("Warning") + 1]).toBe('299 - "a\\"??X-Evil: 1"');
  });

  it("that Node would throw at are left out, others keep their order", () => {
    const list = headerList({
      link: ["<a>", "<b>\n", "<c>"],
      "x-latin": "\u00e9",
      "x-wide": "\u20ac",
    });
    expect(flatFields(list)).toEqual(["Link", "<a>", "Link", "<c>", "X-Latin", "\u00e9"]);
  });

  it("of an upstream's answer lose what is the connection's", () => {
    const answer = upstreamAnswer(200, {
      "transfer-encoding": "chunked",
      "alt-svc": "h3",
      etag: "x",
    });
    expect(passedFields(exchange(), passedOf(answer))).toEqual([
      "ETag",
      "x",
      "Cache-Status",
      "entrepot; fwd=bypass",
    ]);
  });

  it.each([
    ["application/vnd.oci.image.manifest.v1+json, text/html", "application/octet-stream"],
    ["application/json, text/html", "application/octet-stream"],
    ["application/vnd.a+json<script>", "application/octet-stream"],
    ["text/html; charset=utf-8", "text/plain; charset=utf-8"],
    ["application/json; charset=utf-7", "application/json"],
    ['application/vnd.a+json; x="a, text/html"', "application/vnd.a+json"],
    ["application/json;charset=utf-8", "application/json; charset=utf-8"],
    ["multipart/byteranges; boundary=a-1", "multipart/byteranges; boundary=a-1"],
    ["multipart/byteranges; boundary=a,text/html", "multipart/byteranges"],
  ])("of a mirror's answer name one type alone: %s", (type, seen) => {
    const mirror = { ...exchange(), ask: askFor("/v2/a/manifests/v1", { door: "mirror" }) };
    const fields = passedFields(mirror, passedOf(upstreamAnswer(200, { "content-type": type })));
    expect(fields[fields.indexOf("Content-Type") + 1]).toBe(seen);
  });

  it.each([
    ['</v2/a/tags/list?last=b&n=1>; rel="next"', true],
    ["<http://evil.example/x.css>; rel=stylesheet", false],
    ["</v2/a/tags/list?n=1>; rel=next, <http://evil.example/x.css>; rel=stylesheet", false],
  ])("of a mirror's answer lead a browser to nothing but the next page: %s", (link, passes) => {
    const mirror = { ...exchange(), ask: askFor("/v2/a/tags/list", { door: "mirror" }) };
    const fields = passedFields(mirror, passedOf(upstreamAnswer(200, { link })));
    expect(fields.includes("Link")).toBe(passes);
  });

  it("of an upstream's 204 do not name the length of a body that does not follow", () => {
    const answer = upstreamAnswer(204, { "content-length": "5" });
    expect(passedFields(exchange(), passedOf(answer))).not.toContain("Content-Length");
  });

  it("of an upstream's 503 tell a mirror's client when to come back, also where it did not say", () => {
    const mirror = { ...exchange(), ask: askFor("/v2/a/manifests/v1", { door: "mirror" }) };
    const retryAfter = (at: Exchange, status: number, headers = {}) => {
      const fields = passedFields(at, passedOf(upstreamAnswer(status, headers)));
      return fields.includes("Retry-After") ? fields[fields.indexOf("Retry-After") + 1] : undefined;
    };
    expect(retryAfter(mirror, 503)).toBe("5");
    expect(retryAfter(mirror, 503, { "retry-after": "30" })).toBe("30");
    expect(retryAfter(mirror, 404)).toBeUndefined();
    expect(retryAfter(exchange(), 503), "through the proxy it is the upstream's own answer").toBe(
      undefined,
    );
  });

  it("of our own name the cache", () => {
    const own = {
      kind: "own",
      status: 200,
      headers: headerList({ a: "b" }),
      body: Buffer.alloc(0),
    } as const;
    expect(ownFields(exchange(), own).slice(0, 4)).toEqual(["A", "b", "Cache-Status", "entrepot"]);
  });

  it("of an error have the API's version once, and only under /v2/", () => {
    const headers = headerList({ "docker-distribution-api-version": "registry/2.0" });
    const error = new RegistryError("UNAUTHORIZED", "no", { headers });
    const count = (fields: string[]) =>
      fields.filter((field) => field === "Docker-Distribution-Api-Version").length;
    expect(count(errorFields(exchange(), error))).toBe(1);
    expect(count(errorFields(exchange("/page"), new RegistryError("UNKNOWN", "no")))).toBe(0);
  });
});
