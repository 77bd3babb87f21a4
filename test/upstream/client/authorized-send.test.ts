import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { type Authorizing, sendAuthorized } from "../../../src/upstream/client/authorized-send.ts";
import type { RegistryResponse } from "../../../src/upstream/registry-client.ts";
import { eventually } from "../../support/eventually.ts";
import { registry } from "../auth/loopback.ts";

const ask = {
  registry: registry("reg.example"),
  access: { kind: "shared" } as const,
  scopes: ["repository:a/b:pull"],
  signal: new AbortController().signal,
};

/** A registry with a status for each Authorization, and an authorizer that knows some. */
function make(statuses: Record<string, number>, changes: Partial<Authorizing> = {}) {
  const sent: string[] = [];
  const bodies: Readable[] = [];
  const authorizer: Authorizing = {
    authorize: async () => "old",
    retry: async () => undefined,
    isLoginRefused: async (_ask, _sent, status) => status === 401,
    hasCredential: () => true,
    payer: () => undefined,
    ...changes,
  };
  const send = async (authorization = "none"): Promise<RegistryResponse> => {
    sent.push(authorization);
    const body = Readable.from([Buffer.from(authorization)]);
    bodies.push(body);
    const headers = headerList({ "www-authenticate": `Basic realm=${authorization}` });
    return { status: statuses[authorization] ?? 401, headers, body };
  };
  const run = () => sendAuthorized(authorizer, ask, send);
  return { sent, bodies, run };
}

describe("a request", () => {
  it("is sent once when it goes well", async () => {
    const { sent, run } = make({ old: 200 });
    expect((await run()).authorization).toBe("old");
    expect(sent).toEqual(["old"]);
  });

  it("is sent again with what is fresh, which is told of the refusal", async () => {
    const refusals: unknown[] = [];
    const retry: Authorizing["retry"] = async (_ask, was, refusal) => {
      refusals.push([was, refusal]);
      return "new";
    };
    const { sent, bodies, run } = make({ new: 200 }, { retry });
    expect((await run()).response.status).toBe(200);
    expect(sent).toEqual(["old", "new"]);
    expect(refusals).toEqual([["old", { status: 401, challenges: ["Basic realm=old"] }]]);
    await eventually(() => bodies[0]?.readableEnded === true);
    expect(bodies[1]?.readableEnded).toBe(false);
  });

  it("is sent a last time without a login that is refused for good", async () => {
    const { sent, run } = make({ none: 200 }, { retry: async () => "new" });
    expect(await run()).toMatchObject({ authorization: undefined, response: { status: 200 } });
    expect(sent).toEqual(["old", "new", "none"]);
  });

  it("keeps its refusal when the login is good", async () => {
    const { sent, run } = make({ old: 403 });
    expect((await run()).response.status).toBe(403);
    expect(sent).toEqual(["old"]);
  });

  it("leaves no answer open when nobody can say what else to send", async () => {
    const fail = () => Promise.reject(new Error("no token service"));
    for (const changes of [{ retry: fail }, { isLoginRefused: fail }]) {
      const { bodies, run } = make({}, changes);
      await expect(run()).rejects.toThrow("no token service");
      expect(bodies.map((body) => body.destroyed)).toEqual([true]);
    }
  });
});
