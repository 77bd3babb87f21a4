import { describe, expect, it } from "vitest";
import { parseRoute } from "../../../src/protocol/route.ts";
import type { Exchange } from "../../../src/registry/exchange.ts";
import {
  type AccessOf,
  outsideAccess,
  readingAccess,
  writingAccess,
} from "../../../src/registry/login/access.ts";
import { askFor } from "../rig.ts";

const exchange = (fields: [string, string[]][] = []): Exchange =>
  ({
    headers: new Map(fields),
    ask: askFor("/v2/a/manifests/v1"),
    method: "GET",
    route: parseRoute("GET", "/v2/a/manifests/v1"),
    tally: { isShared: false },
    signal: new AbortController().signal,
  }) as unknown as Exchange;

const decides =
  (decision: Awaited<ReturnType<AccessOf>>): AccessOf =>
  async () =>
    decision;
const client = { kind: "client", authorization: "Bearer CANARY" } as const;
/** Whose place upstream it takes. */
const from = askFor("/v2/").client;
const withLogin = exchange([["authorization", ["Bearer CANARY"]]]);

describe("in whose name a request goes on", () => {
  it("when it reads: as decided", async () => {
    for (const kind of ["none", "anonymous", "shared"] as const) {
      expect(await readingAccess(exchange(), decides({ kind }))).toEqual({ kind, from });
    }
    expect(await readingAccess(exchange(), decides(client))).toEqual({ ...client, from });
  });

  it("when it reads and may have public images only: never the operator's", async () => {
    const ask = askFor("/v2/a/tags/list", { isPublicOnly: true });
    const only = { ...exchange(), ask };
    expect(await readingAccess(only, decides({ kind: "shared" }))).toEqual({
      kind: "anonymous",
      from,
    });
    expect(await readingAccess(only, decides(client))).toEqual({ ...client, from });
  });

  it("when it writes: the client's, never the operator's", async () => {
    expect(await writingAccess(exchange(), decides(client))).toEqual({ ...client, from });
    for (const kind of ["none", "anonymous", "shared"] as const) {
      expect(await writingAccess(exchange(), decides({ kind }))).toEqual({ kind: "none", from });
    }
  });

  it("when it is no registry request: what the client sent, and only asked about if it sent something", async () => {
    const never: AccessOf = () => Promise.reject(new Error("asked"));
    expect(await outsideAccess(exchange(), never)).toEqual({ kind: "none", from });
    expect(await outsideAccess(withLogin, decides(client))).toEqual({ ...client, from });
    const rejected = decides({ kind: "rejected", challenge: ["Basic"] });
    expect(await outsideAccess(withLogin, rejected)).toEqual({ kind: "none", from });
  });

  it("when the token is no good: a 401 with every line of the challenge", async () => {
    const lines = ['Bearer realm="a"', "Basic"];
    const rejected = decides({ kind: "rejected", challenge: lines });
    for (const decide of [readingAccess, writingAccess]) {
      const error = await decide(exchange(), rejected).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
      expect((error as { headers: Map<string, string[]> }).headers.get("www-authenticate")).toEqual(
        lines,
      );
    }
  });
});
