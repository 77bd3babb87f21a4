import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  passSmallAnswer,
  readBody,
  readSmallAnswer,
} from "../../../src/cache/asking/small-answer.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { bodyOf } from "../support/house.ts";

const response = (status: number, body: Iterable<Uint8Array>, fields = {}) => ({
  status,
  headers: headerList(fields),
  body: Readable.from(body),
});

describe("a small answer", () => {
  it("is given as it came to everybody who asked", async () => {
    const fields = { "content-type": "text/plain", "www-authenticate": ["Bearer a", "Basic b"] };
    const answer = await readSmallAnswer(
      response(401, [Buffer.from("no "), Buffer.from("entry")], fields),
      "GET",
    );
    for (let client = 0; client < 2; client += 1) {
      const passed = passSmallAnswer(answer, "bypass");
      expect((await bodyOf(passed)).toString()).toBe("no entry");
      expect(passed.response.headers.get("www-authenticate")).toEqual(["Bearer a", "Basic b"]);
    }
  });

  it.each([
    [401, "UNAUTHORIZED"],
    [403, "DENIED"],
    [404, "MANIFEST_UNKNOWN"],
    [429, "TOOMANYREQUESTS"],
    [500, "UNAVAILABLE"],
  ])("to a HEAD (%i) is put in the spec's words, with its own length", async (status, code) => {
    const fields = { "content-length": "999", "content-encoding": "gzip", "retry-after": "7" };
    const { headers, body } = await readSmallAnswer(response(status, [], fields), "HEAD");
    expect(JSON.parse(Buffer.from(body).toString()).errors[0].code).toBe(code);
    expect(headers.get("content-length")).toEqual([String(body.length)]);
    expect([headers.has("content-encoding"), headers.get("retry-after")]).toEqual([false, ["7"]]);
  });

  it("that is too long is replaced by the spec's words", async () => {
    const { status, body } = await readSmallAnswer(
      response(502, [Buffer.alloc(1024 * 1024 + 1)]),
      "GET",
    );
    expect([status, body.length < 200]).toEqual([502, true]);
  });

  it("that breaks off is a failure of the upstream, and the connection is not kept", async () => {
    const broken = response(
      500,
      (function* () {
        yield Buffer.from("x");
        throw new Error("ECONNRESET");
      })(),
    );
    await expect(readBody(broken, 10)).rejects.toMatchObject({ code: "RESET" });
    expect(broken.body.destroyed).toBe(true);
    const silent = response(
      500,
      (function* (): Generator<Buffer> {
        yield Buffer.alloc(0);
        throw new UpstreamError("TIMEOUT", "docker.io", "silent");
      })(),
    );
    await expect(readBody(silent, 10)).rejects.toMatchObject({ code: "TIMEOUT" });
  });
});
