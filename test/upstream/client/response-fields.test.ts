import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { ofStorage, withoutSession } from "../../../src/upstream/client/response-fields.ts";

function answer(fields: Readonly<Record<string, string>>) {
  return { status: 200, headers: headerList(fields), body: Readable.from(["x"]) };
}

describe("an answer's fields", () => {
  it("hold no session that a login opened, and otherwise stay as they are", () => {
    const whole = answer({ "content-type": "text/html", "set-cookie": "sid=CANARY" });
    const { headers, body } = withoutSession(whole);
    expect([...headers.keys()]).toEqual(["content-type"]);
    expect(body).toBe(whole.body);
    const plain = answer({ etag: '"1"' });
    expect(withoutSession(plain)).toBe(plain);
  });

  it("of storage tell of the bytes, and neither whom to log in at nor what they are a copy of", () => {
    const fields = { "content-length": "1", etag: '"1"', "content-range": "bytes 0-0/1" };
    const others = {
      "www-authenticate": "Basic",
      "x-copied-from": "private/app",
      "set-cookie": "a",
    };
    const { headers } = ofStorage(answer({ ...fields, ...others }));
    expect([...headers.keys()].toSorted()).toEqual(Object.keys(fields).toSorted());
  });
});
