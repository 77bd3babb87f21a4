import { describe, expect, it } from "vitest";
import { Cloudflare, type SendJson } from "../../../../src/doors/tls/acme/cloudflare-provider.ts";

const name = "_acme-challenge.mirror.example.com";
const zones = "GET https://api.example/zones?name=";

/** An API that answers as told, and otherwise with success and nothing. */
function make(answers: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const sent: object[] = [];
  const logins = new Set<string | undefined>();
  const send: SendJson = async ({ method, url, headers, body }) => {
    const request = `${method} ${url}`;
    asked.push(request);
    logins.add(headers.authorization);
    if (body !== undefined) sent.push(body);
    const answer = answers[request] ?? { success: true, result: [] };
    return { status: 200, body: answer };
  };
  const cloudflare = new Cloudflare({ api: "https://api.example", token: "CANARY-token", send });
  return { cloudflare, asked, sent, logins };
}

const zone = { [`${zones}example.com`]: { success: true, result: [{ id: "z9" }] } };
const { signal } = new AbortController();

describe("Cloudflare", () => {
  it("sets a record in the nearest zone the token may see", async () => {
    const { cloudflare, asked, sent, logins } = make(zone);
    await cloudflare.set(name, "v", signal);
    expect(asked).toEqual([
      `${zones}mirror.example.com`,
      `${zones}example.com`,
      "POST https://api.example/zones/z9/dns_records",
    ]);
    expect(sent).toEqual([{ type: "TXT", name, content: '"v"', ttl: 60 }]);
    expect([...logins]).toEqual(["Bearer CANARY-token"]);
  });

  it("takes away the records of that value alone", async () => {
    const records = [
      { id: "r1", content: '"other"' },
      { id: "r2", content: '"v"' },
      { id: "r3", content: "v" },
      { id: "../../zones/z9", content: "v" },
    ];
    const list = `GET https://api.example/zones/z9/dns_records?type=TXT&name=${name}`;
    const { cloudflare, asked } = make({ ...zone, [list]: { success: true, result: records } });
    await cloudflare.unset(name, "v");
    expect(asked.filter((one) => one.startsWith("DELETE"))).toEqual([
      "DELETE https://api.example/zones/z9/dns_records/r2",
      "DELETE https://api.example/zones/z9/dns_records/r3",
    ]);
  });

  it("says that a record is there already: that is as good", async () => {
    const there = { success: false, errors: [{ code: 81058, message: "identical record" }] };
    const post = "POST https://api.example/zones/z9/dns_records";
    const { cloudflare } = make({ ...zone, [post]: there });
    await expect(cloudflare.set(name, "v", signal)).resolves.toBeUndefined();
  });

  it.each([
    [
      "a refusal",
      { success: false, errors: [{ code: 9109, message: "Invalid access token" }] },
      /Invalid access token/,
    ],
    ["no JSON", "<html>", /^Cloudflare says 200$/],
    [
      "no zone",
      { success: true, result: [] },
      /knows no zone of _acme-challenge\.mirror\.example\.com/,
    ],
  ])("with %s fails with a sentence", async (_what, answer, sentence) => {
    const { cloudflare } = make({ [`${zones}mirror.example.com`]: answer });
    await expect(cloudflare.set(name, "v", signal)).rejects.toThrow(sentence);
  });
});
