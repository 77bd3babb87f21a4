import { describe, expect, it } from "vitest";
import { startRig, upstreamAnswer } from "../rig.ts";

describe("a list", () => {
  it.each([
    "/v2/a/tags/list?n=2&last=x%2Fy",
    `/v2/a/referrers/sha256:${"0".repeat(64)}?artifactType=a`,
    "/v2/_catalog",
    "/v2/_oci/ext/discover",
  ])("%s passes through with a pull's access, whole target and pages", async (path) => {
    const rig = await startRig({
      parts: { accessOf: async () => ({ kind: "shared" }) },
      send: async () => upstreamAnswer(200, { link: '</v2/next>; rel="next"' }, "{}"),
    });
    const answer = await rig.fetch(path);
    expect([answer.status, answer.text]).toEqual([200, "{}"]);
    expect(answer.headers.link).toBe('</v2/next>; rel="next"');
    expect(answer.headers["cache-status"]).toBe("entrepot; fwd=bypass");
    expect(rig.sent).toMatchObject([
      {
        ...{ target: path, access: { kind: "shared" }, redirects: "pass", body: undefined },
        patience: path.includes("_oci") ? "full" : "list",
      },
    ]);
  });

  it("that the upstream does not have is its 404, so that clients fall back to the tag scheme", async () => {
    const rig = await startRig({ send: async () => upstreamAnswer(404, {}, "not here") });
    const answer = await rig.fetch(`/v2/a/referrers/sha256:${"0".repeat(64)}`);
    expect([answer.status, answer.text]).toEqual([404, "not here"]);
  });

  it("comes back under the mirror's names", async () => {
    const list = JSON.stringify({ name: "a", tags: ["1"] });
    const rig = await startRig({
      ask: { door: "mirror", view: { repositoryPrefix: "ghcr.io/", namespace: undefined } },
      send: async () => upstreamAnswer(200, { link: '</v2/a/tags/list?last=1>; rel="next"' }, list),
    });
    const answer = await rig.fetch("/v2/a/tags/list");
    expect(JSON.parse(answer.text).name).toBe("ghcr.io/a");
    expect(answer.headers.link).toBe('</v2/ghcr.io/a/tags/list?last=1>; rel="next"');
    expect(answer.headers["content-length"]).toBe(String(answer.body.length));
  });
});
