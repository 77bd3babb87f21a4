import { PassThrough, Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import type { Exchange } from "../../../src/registry/exchange.ts";
import { readTokenForm } from "../../../src/registry/login/token-form.ts";

const urlencoded = "application/x-www-form-urlencoded";

function exchangeOf(body: string, type: string | undefined = urlencoded): Exchange {
  const request = Readable.from([Buffer.from(body)]);
  const part = { headers: headerList({ "content-type": type }), request, tally: { received: 0 } };
  return part as unknown as Exchange;
}

describe("a token request's form", () => {
  it.each([
    ["grant_type=password&username=a&password=CANARY", "login"],
    ["refresh_token=CANARY", "login"],
    ["client_secret=CANARY&scope=x", "login"],
    ["password=&password=CANARY", "login"],
    ["grant_type=password&username=a&password=&scope=x", "anonymous"],
    ["", "anonymous"],
  ])("%s is %s, and kept as it came", async (body, kind) => {
    const exchange = exchangeOf(body, `${urlencoded}; charset=utf-8`);
    const form = await readTokenForm(exchange);
    expect(form.kind).toBe(kind);
    if (form.kind === "foreign") throw new Error("no form");
    const kept: Uint8Array[] = [];
    for await (const chunk of form.body) kept.push(chunk);
    expect(Buffer.concat(kept).toString()).toBe(body);
    expect(exchange.tally.received).toBe(body.length);
  });

  it.each(["application/json", "application/x-www-form-urlencodedx", ""])(
    "is not read from %j",
    async (type) => {
      const exchange = exchangeOf("password=CANARY", type);
      expect(await readTokenForm(exchange)).toEqual({ kind: "foreign" });
      expect(exchange.tally.received).toBe(0);
    },
  );

  it("is not waited for without end when its client stops in the middle of it", async () => {
    const request = new PassThrough();
    request.write("grant_type=pass");
    const part = { headers: headerList({ "content-type": urlencoded }), request };
    const exchange = { ...part, tally: { received: 0 } } as unknown as Exchange;
    await expect(readTokenForm(exchange, 50)).rejects.toThrow("the client stopped sending");
    expect(request.destroyed).toBe(true);
  });

  it("ends at 64 KiB", async () => {
    expect((await readTokenForm(exchangeOf("x".repeat(65_536)))).kind).toBe("anonymous");
    await expect(readTokenForm(exchangeOf("x".repeat(65_537)))).rejects.toMatchObject({
      status: 413,
    });
  });
});
