import { describe, expect, it } from "vitest";
import { startRig, upstreamAnswer } from "../rig.ts";

const digest = `sha256:${"0".repeat(64)}`;

describe("a push", () => {
  it.each([
    ["POST", `/v2/a/blobs/uploads/?mount=${digest}&from=b`],
    ["POST", "/v2/a/blobs/uploads/"],
    ["PATCH", "/v2/a/blobs/uploads/1?_state=x"],
    ["PUT", `/v2/a/blobs/uploads/1?digest=${digest}`],
    ["GET", "/v2/a/blobs/uploads/1"],
    ["DELETE", "/v2/a/blobs/uploads/1"],
    ["DELETE", `/v2/a/blobs/${digest}`],
  ])("%s %s never borrows the operator's credential", async (method, path) => {
    const rig = await startRig({
      parts: { accessOf: async () => ({ kind: "shared" }) },
      send: async () => upstreamAnswer(401, { "www-authenticate": 'Bearer realm="x"' }),
    });
    const answer = await rig.fetch(path, { method });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="x"');
    expect(rig.sent).toMatchObject([{ method, target: path, access: { kind: "none" } }]);
    expect(rig.pushed).toEqual([]);
  });

  it.each([
    ["PUT", `/v2/a/blobs/uploads/1?_state=x&digest=${digest}`, 201, true],
    ["POST", `/v2/a/blobs/uploads/?mount=${digest}&from=b`, 201, true],
    ["POST", `/v2/a/blobs/uploads/?mount=${digest}&from=b`, 202, true],
    ["POST", "/v2/a/blobs/uploads/", 202, false],
    ["PATCH", "/v2/a/blobs/uploads/1", 202, false],
    ["PUT", `/v2/a/blobs/uploads/1?digest=${digest}`, 403, false],
    ["PUT", "/v2/a/blobs/uploads/1?digest=nonsense", 201, false],
  ])("%s %s that is answered %i puts a blob there: %s", async (method, path, status, isThere) => {
    const rig = await startRig({ send: async () => upstreamAnswer(status) });
    expect((await rig.fetch(path, { method })).status).toBe(status);
    expect(rig.pushed).toEqual(isThere ? [`registry.example/a:${digest}`] : []);
  });
});
