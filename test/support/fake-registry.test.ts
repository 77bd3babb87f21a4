import { request as httpsRequest } from "node:https";
import { describe, expect, it } from "vitest";
import {
  corruptAt,
  cutAt,
  encode,
  holdHeaders,
  ignoreRange,
  lieAboutLength,
  noLength,
  redirect,
  reset,
  slice,
  slow,
  stallAt,
  status,
  withHeaders,
  wrongRange,
} from "./fake-registry/fault.ts";
import { startFakeRegistry } from "./fake-registry.ts";

const bytes = Buffer.from("0123456789");

async function withBlob() {
  const registry = await startFakeRegistry();
  const digest = registry.addBlob(bytes);
  return { registry, digest, url: `${registry.origin}/v2/a/blobs/${digest}` };
}

describe("a fake registry that behaves", () => {
  it("serves blobs, ranges of them, and counts", async () => {
    const { registry, url } = await withBlob();
    expect(await (await fetch(url)).text()).toBe("0123456789");
    const part = await fetch(url, { headers: { range: "bytes=3-5" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 3-5/10"]);
    expect(await part.text()).toBe("345");
    expect((await fetch(url, { headers: { range: "bytes=10-" } })).status).toBe(416);
    expect(registry.count({ method: "GET", path: /blobs/ })).toBe(3);
    expect(registry.requests.map((seen) => seen.bytesSent)).toEqual([10, 3, 0]);
  });

  it("serves manifests by tag and digest and moves a tag", async () => {
    const registry = await startFakeRegistry();
    const first = registry.addManifest("a/b", "latest", { schemaVersion: 2, layers: [] });
    const second = registry.addManifest("a/b", "latest", { schemaVersion: 2, layers: [1] });
    const head = await fetch(`${registry.origin}/v2/a/b/manifests/latest`, { method: "HEAD" });
    expect(head.headers.get("docker-content-digest")).toBe(second);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(10);
    expect((await fetch(`${registry.origin}/v2/a/b/manifests/${first}`)).status).toBe(200);
    const headers = { "if-none-match": `"${second}"` };
    const same = await fetch(`${registry.origin}/v2/a/b/manifests/latest`, { headers });
    expect(same.status).toBe(304);
  });

  it("converts a tag for who does not read its own type, until it moves", async () => {
    const registry = await startFakeRegistry();
    const value = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json" };
    const own = registry.addManifest("a/b", "latest", value);
    const converted = registry.addManifest("a/b", undefined, { schemaVersion: 2, layers: [] });
    const ask = async (accept: string): Promise<string | null> => {
      const url = `${registry.origin}/v2/a/b/manifests/latest`;
      const { status: code, headers } = await fetch(url, { headers: { accept } });
      return code === 200 ? headers.get("docker-content-digest") : `${code}`;
    };
    const other = "application/vnd.oci.image.manifest.v1+json";
    registry.convertTag("a/b", "latest", converted);
    expect(await ask(`${other}, ${value.mediaType}`)).toBe(own);
    expect([await ask("*/*"), await ask(other)]).toEqual([own, converted]);
    registry.convertTag("a/b", "latest", "missing");
    expect([await ask(value.mediaType), await ask(other)]).toEqual([own, "404"]);
    expect(registry.addManifest("a/b", "latest", value)).toBe(own);
    expect(await ask(other)).toBe(own);
  });

  it("takes uploads", async () => {
    const { registry, digest } = await withBlob();
    registry.removeBlob(digest);
    const start = await fetch(`${registry.origin}/v2/a/blobs/uploads/`, { method: "POST" });
    const location = `${registry.origin}${start.headers.get("location")}`;
    await fetch(location, { method: "PATCH", body: bytes.subarray(0, 4) });
    const end = `${location}?digest=${digest}`;
    const put = await fetch(end, { method: "PUT", body: bytes.subarray(4) });
    expect(put.status).toBe(201);
    expect(registry.blobBytes(digest)).toEqual(bytes);
  });

  it("speaks TLS with a certificate its authority signed", async () => {
    const registry = await startFakeRegistry({ tls: true });
    const answer = Promise.withResolvers<number | undefined>();
    const options = { ca: registry.ca };
    const request = httpsRequest(`${registry.origin}/v2/`, options, (response) => {
      answer.resolve(response.resume().statusCode);
    });
    request.on("error", answer.reject).end();
    expect(await answer.promise).toBe(200);
  });
});

describe("a fake registry that asks who you are", () => {
  it("wants Basic", async () => {
    const registry = await startFakeRegistry({ auth: { kind: "basic", users: { u: "p" } } });
    const refused = await fetch(`${registry.origin}/v2/`);
    expect(refused.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
    const headers = { authorization: `Basic ${btoa("u:p")}` };
    expect((await fetch(`${registry.origin}/v2/`, { headers })).status).toBe(200);
  });

  it("wants a Bearer token, which for a private repository needs a login", async () => {
    const registry = await startFakeRegistry({
      auth: { kind: "bearer", users: { u: "p" }, privateRepositories: ["secret"] },
    });
    registry.addManifest("secret", "1", {});
    const url = `${registry.origin}/v2/secret/manifests/1`;
    const ask = async (login?: string) => {
      const realm = `${registry.origin}/token?service=fake-registry&scope=repository:secret:pull`;
      const headers: Record<string, string> = login === undefined ? {} : { authorization: login };
      const { token } = (await (await fetch(realm, { headers })).json()) as { token: string };
      return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
    };
    expect((await fetch(url)).headers.get("www-authenticate")).toContain(
      'scope="repository:secret:pull"',
    );
    expect(await ask()).toBe(401);
    expect(await ask(`Basic ${btoa("u:p")}`)).toBe(200);
    expect(registry.tokenRequests.map((asked) => asked.scopes)).toEqual([
      ["repository:secret:pull"],
      ["repository:secret:pull"],
    ]);
  });

  it("tells who asked, takes logins by form alone, and opens sessions, if told so", async () => {
    const users = { u: "p" };
    const registry = await startFakeRegistry({
      auth: { kind: "bearer", users, isLoginByForm: true, hasSessions: true },
    });
    const url = `${registry.origin}/token?scope=repository:a:pull`;
    const authorization = `Basic ${btoa("u:p")}`;
    expect((await fetch(url, { headers: { authorization } })).status).toBe(405);
    const body = new URLSearchParams({ username: "u", password: "p", scope: "repository:a:pull" });
    const given = await fetch(url, { method: "POST", body });
    expect(given.headers.get("set-cookie")).toContain("sid=CANARY-u-session");
    const { token } = (await given.json()) as { token: string };
    for (const sent of [undefined, `Bearer ${token}`, "Bearer x"]) {
      const headers = sent === undefined ? {} : { authorization: sent };
      await fetch(`${registry.origin}/v2/a/tags/list`, { headers });
    }
    const asked = registry.requests.filter((one) => one.url.startsWith("/v2/"));
    expect(asked.map(({ identity }) => identity)).toEqual(["nobody", "u", "?"]);
  });

  it("gives public repositories to who has no login for Basic, and others to their members", async () => {
    const users = { u: "p", v: "p" };
    const members = { secret: ["u"] };
    const auth = { kind: "basic" as const, users, publicRepositories: ["open"], members };
    const registry = await startFakeRegistry({ auth });
    const ask = async (repository: string, user?: string): Promise<number> => {
      const headers = user === undefined ? {} : { authorization: `Basic ${btoa(`${user}:p`)}` };
      return (await fetch(`${registry.origin}/v2/${repository}/tags/list`, { headers })).status;
    };
    expect([await ask("open"), await ask("secret")]).toEqual([200, 401]);
    expect([await ask("secret", "u"), await ask("secret", "v")]).toEqual([200, 403]);
  });
});

describe("a fake registry that misbehaves", () => {
  it("cuts at a byte, once", async () => {
    const { registry, url } = await withBlob();
    registry.misbehave({ path: /blobs/, times: 1 }, cutAt(4));
    await expect((await fetch(url)).text()).rejects.toThrow();
    expect(registry.requests[0]?.bytesSent).toBe(4);
    expect(await (await fetch(url)).text()).toBe("0123456789");
  });

  it("stalls until the gate is opened", async () => {
    const { registry, url } = await withBlob();
    const stall = stallAt(9);
    registry.misbehave({}, stall, slice(2));
    const response = await fetch(url);
    await stall.gate.reached;
    expect(registry.requests[0]?.bytesSent).toBe(9);
    stall.gate.open();
    expect(await response.text()).toBe("0123456789");
  });

  it("corrupts a byte, also inside a range", async () => {
    const { registry, url } = await withBlob();
    registry.misbehave({}, corruptAt(5));
    const all = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(all[5]).toBe(0xff ^ 0x35);
    const part = await fetch(url, { headers: { range: "bytes=6-" } });
    expect(await part.text()).toBe("6789");
  });

  it("lies about the length either way", async () => {
    const { registry, url } = await withBlob();
    registry.misbehave({ times: 1 }, lieAboutLength(3));
    await expect((await fetch(url)).text()).rejects.toThrow();
    registry.misbehave({ times: 1 }, lieAboutLength(-3));
    const short = await fetch(url);
    expect(short.headers.get("content-length")).toBe("7");
  });

  it("ignores a range, answers another one, sends no length, encodes", async () => {
    const { registry, url } = await withBlob();
    const headers = { range: "bytes=4-" };
    registry.misbehave({ times: 1 }, ignoreRange());
    expect((await fetch(url, { headers })).status).toBe(200);
    registry.misbehave({ times: 1 }, wrongRange());
    const wrong = await fetch(url, { headers });
    expect([wrong.headers.get("content-range"), await wrong.text()]).toEqual([
      "bytes 3-9/10",
      "3456789",
    ]);
    registry.misbehave({ times: 1 }, noLength());
    expect((await fetch(url)).headers.has("content-length")).toBe(false);
    registry.misbehave({ times: 1 }, encode("gzip"));
    const encoded = await fetch(url);
    expect(encoded.headers.get("content-encoding")).toBe("gzip");
    expect(await encoded.text()).toBe("0123456789");
  });

  it("answers a status, redirects to its CDN, which refuses Authorization", async () => {
    const { registry, digest, url } = await withBlob();
    registry.misbehave({ times: 1 }, status(429, { "retry-after": "2" }, "slow down"));
    const limited = await fetch(url);
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "2"]);
    registry.misbehave({ path: /^\/v2/, times: 1 }, redirect(registry.cdnUrl(digest)));
    expect(await (await fetch(url)).text()).toBe("0123456789");
    const headers = { authorization: "Bearer x" };
    expect((await fetch(registry.cdnUrl(digest), { headers })).status).toBe(400);
  });

  it("sends slowly, and says in its headers what it is told to", async () => {
    const { registry, url } = await withBlob();
    registry.misbehave({}, slow(500), withHeaders({ etag: undefined, "x-note": "hello" }));
    const begun = performance.now();
    const response = await fetch(url);
    expect(await response.text()).toBe("0123456789");
    expect(performance.now() - begun).toBeGreaterThan(15);
    expect([response.headers.get("etag"), response.headers.get("x-note")]).toEqual([null, "hello"]);
  });

  it("resets, and holds its headers", async () => {
    const { registry, url } = await withBlob();
    registry.misbehave({ times: 1 }, reset());
    await expect(fetch(url)).rejects.toThrow();
    const held = holdHeaders();
    registry.misbehave({ times: 1 }, held);
    const asked = fetch(url);
    await held.gate.reached;
    held.gate.open();
    expect((await asked).status).toBe(200);
  });
});
