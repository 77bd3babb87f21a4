import { describe, expect, it } from "vitest";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { RegistryError } from "../../src/protocol/registry-error.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { UpstreamRefusal } from "../../src/upstream/upstream-refusal.ts";
import { bytesOf, contentOf, passedOf, startRig, upstreamAnswer } from "./rig.ts";

const digest = `sha256:${"ab".repeat(32)}`;

describe("a request to a registry", () => {
  it.each([
    ["/v2/A/manifests/latest", 400, "NAME_INVALID"],
    ["/v2/a%2f..%2fb/manifests/latest", 400, "NAME_INVALID"],
    ["/v2/a/manifests/-", 400, "TAG_INVALID"],
    ["/v2/a/blobs/sha256:short", 400, "DIGEST_INVALID"],
    ["/v2/../etc/passwd", 404, "NAME_INVALID"],
    ["//v2/a/manifests/latest", 404, "NAME_INVALID"],
    ["/x/%2e%2e/v2/a/manifests/latest", 404, "NAME_INVALID"],
  ])("for %s asks nobody: %i %s", async (path, status, code) => {
    const rig = await startRig({});
    const answer = await rig.fetch(path);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text).errors[0].code).toBe(code);
    expect(rig.sent).toEqual([]);
  });

  it("is answered however it fails, and told of once", async () => {
    const failures = [
      new UpstreamError("DNS", "nowhere.example", "nowhere.example does not resolve (ENOTFOUND)"),
      new UpstreamError("TIMEOUT", "a.example", "a.example did not answer within 25 s"),
      new RegistryError("DENIED", "no"),
      new TypeError("a bug"),
    ];
    const rig = await startRig({ manifest: async () => Promise.reject(failures.shift()) });
    const statuses: number[] = [];
    for (let left = failures.length; left > 0; left -= 1) {
      statuses.push((await rig.fetch("/v2/a/manifests/latest")).status);
    }
    expect(statuses).toEqual([502, 504, 403, 500]);
    expect(rig.events.map(({ error }) => error?.code)).toEqual([
      "DNS",
      "TIMEOUT",
      "DENIED",
      "TypeError",
    ]);
  });

  it("that a handler fails at once is answered too", async () => {
    const rig = await startRig({
      manifest: () => {
        throw new Error("not even a promise");
      },
    });
    expect((await rig.fetch("/v2/a/manifests/latest")).status).toBe(500);
  });

  it("that the upstream refused during a download gets the upstream's own words", async () => {
    const rig = await startRig({
      blob: async () => {
        throw new UpstreamRefusal({
          status: 429,
          headers: headerList({ "retry-after": "60", "content-type": "application/json" }),
          body: Buffer.from('{"errors":[]}'),
        });
      },
    });
    const answer = await rig.fetch(`/v2/a/blobs/${digest}`);
    expect([answer.status, answer.headers["retry-after"], answer.text]).toEqual([
      429,
      "60",
      '{"errors":[]}',
    ]);
  });

  it("with a token that is no good gets the challenge", async () => {
    const challenge = ['Bearer realm="https://auth.example/token",error="invalid_token"'];
    const rig = await startRig({
      parts: { accessOf: async () => ({ kind: "rejected", challenge }) },
    });
    const answer = await rig.fetch("/v2/a/manifests/latest");
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, challenge[0]]);
  });

  it("to /v2/ is the ping's, and to a token service the token room's, under /v2/ or not", async () => {
    const own = (text: string) => async () =>
      ({ kind: "own", status: 200, headers: headerList({}), body: Buffer.from(text) }) as const;
    const rig = await startRig({
      parts: {
        ping: { answer: own("ping") },
        tokens: { isTokenRequest: (ask) => ask.target.includes("token"), answer: own("token") },
        isPushAllowed: false,
      },
      send: async () => upstreamAnswer(200, {}, "upstream"),
    });
    const texts: string[] = [];
    for (const path of ["/v2/", "/v2/token?service=x", "/token", "/other"]) {
      texts.push((await rig.fetch(path)).text);
    }
    expect(texts).toEqual(["ping", "token", "token", "upstream"]);
    // A token may be asked for by POST even where pushing is off; a repository is never a token.
    expect((await rig.fetch("/v2/token", { method: "POST" })).text).toBe("token");
    expect((await rig.fetch("/v2/token/manifests/v1")).status).toBe(404);
    const ping = await rig.fetch("/v2/");
    expect(ping.headers["cache-status"]).toBe("entrepot");
  });

  it("that writes is refused with the setting's name where pushing is off", async () => {
    const rig = await startRig({ parts: { isPushAllowed: false } });
    const answer = await rig.fetch("/v2/a/blobs/uploads/", { method: "POST" });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
    expect(answer.text).toContain("ALLOW_PUSH=true");
    expect(rig.sent).toEqual([]);
  });

  it("follows another on the same connection, whatever became of the first", async () => {
    const rig = await startRig({ manifest: async () => contentOf(bytesOf(10)) });
    const { Agent, request } = await import("node:http");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statuses: (number | undefined)[] = [];
    const ports = new Set<number | undefined>();
    for (const path of ["/v2/A/manifests/x", "/v2/a/manifests/x", "/v2/a/manifests/x"]) {
      await new Promise<void>((resolve) => {
        const outgoing = request({ port: rig.port, host: "127.0.0.1", path, agent }, (incoming) => {
          statuses.push(incoming.statusCode);
          ports.add(incoming.socket.localPort);
          incoming.resume().on("end", resolve);
        });
        outgoing.end();
      });
    }
    agent.destroy();
    expect(statuses).toEqual([400, 200, 200]);
    expect(ports.size).toBe(1);
  });
});

describe("an open mirror", () => {
  const ask = { door: "mirror", isOpen: true } as const;

  it.each([401, 403])("makes 404 of %i, and challenges nobody", async (status) => {
    const challenge = { "www-authenticate": 'Basic realm="x"' };
    const rig = await startRig({
      ask,
      manifest: async () => passedOf(upstreamAnswer(status, challenge)),
      send: async () => upstreamAnswer(status, challenge),
    });
    const manifest = await rig.fetch("/v2/a/manifests/latest");
    expect(manifest.status).toBe(404);
    expect(manifest.headers).not.toHaveProperty("www-authenticate");
    expect(JSON.parse(manifest.text).errors[0]).toMatchObject({
      code: "MANIFEST_UNKNOWN",
      message: expect.stringContaining("AUTH_REGISTRIES"),
    });
    expect((await rig.fetch("/v2/a/tags/list")).status).toBe(404);
    const push = await rig.fetch("/v2/a/blobs/uploads/", { method: "POST" });
    expect(push.status).toBe(403);
    expect(push.headers).not.toHaveProperty("www-authenticate");
  });

  it("asks as a mirror and as an open one", async () => {
    const asked: object[] = [];
    const rig = await startRig({
      ask: { ...ask, isPublicOnly: true },
      manifest: async (manifestAsk) => {
        asked.push(manifestAsk);
        return contentOf(bytesOf(10));
      },
    });
    await rig.fetch("/v2/a/manifests/latest");
    expect(asked).toMatchObject([{ isMirror: true, isPublicOnly: true }]);
  });
});

describe("a request to the registry that is hosted here", () => {
  const hello = async () => ({
    kind: "own" as const,
    status: 200,
    headers: headerList({ "content-type": "text/plain" }),
    body: Buffer.from("pushed here"),
  });

  it("is answered by that registry's own handlers, and by nobody upstream", async () => {
    const rig = await startRig({ ask: { door: "hosted" }, hosted: () => hello });
    expect((await rig.fetch("/v2/a/manifests/latest")).text).toBe("pushed here");
    expect(rig.sent).toEqual([]);
    expect(rig.events).toMatchObject([{ door: "hosted", status: 200, repository: "a" }]);
  });

  it("is refused where there is none", async () => {
    const rig = await startRig({ ask: { door: "hosted" } });
    expect((await rig.fetch("/v2/a/manifests/latest")).status).toBe(405);
  });
});
