import { describe, expect, it } from "vitest";
import { startRig, upstreamAnswer } from "../rig.ts";

describe("a pushed manifest", () => {
  it.each([
    ["PUT", "/v2/a/b/manifests/v1", 201],
    ["DELETE", "/v2/a/b/manifests/v1", 202],
  ])(
    "%s that the upstream takes makes what is known of the tag out of date",
    async (method, path, status) => {
      const digest = `sha256:${"0".repeat(64)}`;
      const rig = await startRig({
        send: async (request) => {
          for await (const _ of request.body ?? []);
          return upstreamAnswer(status, { "docker-content-digest": digest, "oci-subject": digest });
        },
      });
      const answer = await rig.fetch(path, { method, ...(method === "PUT" ? { body: "{}" } : {}) });
      expect(answer.status).toBe(status);
      expect(answer.headers["docker-content-digest"]).toBe(digest);
      expect(answer.rawHeaders).toContain("OCI-Subject");
      expect(rig.pushed).toEqual(["registry.example/a/b:v1"]);
    },
  );

  it("that names tags beside its digest makes them out of date too", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const rig = await startRig({ send: async () => upstreamAnswer(201) });
    await rig.fetch(`/v2/a/manifests/${digest}?tag=v1&tag=-bad-&tag=v2`, {
      method: "PUT",
      body: "{}",
    });
    expect(rig.pushed).toEqual([digest, "v1", "v2"].map((one) => `registry.example/a:${one}`));
  });

  it("whose fate nobody knows makes what is known out of date", async () => {
    const rig = await startRig({
      send: async () => Promise.reject(new Error("the line went dead")),
    });
    const answer = await rig.fetch("/v2/a/manifests/v1", { method: "PUT", body: "{}" });
    expect([answer.status, rig.pushed]).toEqual([500, ["registry.example/a:v1 unknown"]]);
  });

  it.each([
    ["DELETE", 404, true],
    ["DELETE", 410, true],
    ["DELETE", 403, false],
    ["DELETE", 405, false],
    ["PUT", 404, false],
  ])("%s answered %i leaves what is known out of date: %s", async (method, status, isForgotten) => {
    // A registry that deletes an index may have deleted its images with it.
    const rig = await startRig({ send: async () => upstreamAnswer(status) });
    const body = method === "PUT" ? { body: "{}" } : {};
    await rig.fetch("/v2/a/manifests/v1", { method, ...body });
    expect(rig.pushed).toEqual(isForgotten ? ["registry.example/a:v1"] : []);
  });

  it("that the upstream refuses changes nothing", async () => {
    const rig = await startRig({ send: async () => upstreamAnswer(403) });
    await rig.fetch("/v2/a/manifests/v1", { method: "PUT", body: "{}" });
    expect(rig.pushed).toEqual([]);
  });

  it("stands even when the cache cannot forget, and the failure is told", async () => {
    const rig = await startRig({
      send: async () => upstreamAnswer(201),
      parts: {
        pulls: {
          blob: () => Promise.reject(new Error("not asked")),
          manifest: () => Promise.reject(new Error("not asked")),
          list: () => Promise.reject(new Error("not asked")),
          writing: () => Promise.reject(new Error("the records are gone")),
        },
      },
    });
    const answer = await rig.fetch("/v2/a/manifests/v1", { method: "PUT", body: "{}" });
    expect(answer.status).toBe(201);
    expect(rig.events).toMatchObject([{ status: 201, error: { message: "the records are gone" } }]);
  });
});
