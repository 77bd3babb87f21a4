import { describe, expect, it } from "vitest";
import { printBasic } from "../../../src/protocol/http/basic-auth.ts";
import { SealedLogins } from "../../../src/protocol/sealed-login.ts";
import { type Play, registry, say, secret, startLoopback } from "../../upstream/auth/loopback.ts";
import { makeDoors } from "../auth-rig.ts";

const host = "reg.example:5000";
const shared = printBasic({ user: "robot", password: "CANARY-robot" });
const carol = printBasic({ user: "carol", password: "CANARY-carol" });
const form = { "content-type": "application/x-www-form-urlencoded" };

/** The robot may read everything but what is Carol's; she may do anything. */
const play: Play = (incoming, response) => {
  const { authorization } = incoming.headers;
  const challenge = { "www-authenticate": 'Basic realm="reg"' };
  if (authorization !== shared && authorization !== carol) {
    return say(response, 401, "", challenge);
  }
  const isHers = incoming.url?.includes("/hers/") === true;
  return say(response, isHers && authorization === shared ? 403 : 200, {});
};

async function make() {
  const loopback = await startLoopback();
  loopback.play(host, play);
  const doors = makeDoors(loopback, { auth: `${host}:robot:CANARY-robot` });
  const { fetch } = await doors.door(host);
  expect((await fetch("/v2/")).status).toBe(401);
  loopback.seen.length = 0;
  const tokenFor = async (authorization?: string): Promise<string> => {
    const headers = authorization === undefined ? {} : { authorization };
    const { status, text } = await fetch("/entrepot/token?service=x&scope=repository:a:pull", {
      headers,
    });
    return status === 200 ? `Bearer ${JSON.parse(text).token}` : String(status);
  };
  const status = async (path: string, authorization?: string, method = "GET") => {
    const headers = authorization === undefined ? {} : { authorization };
    return (await fetch(`/v2/${path}`, { method, headers })).status;
  };
  return { loopback, ...doors, fetch, tokenFor, status };
}

describe("the token service of a Basic registry with an entry", () => {
  it.each([undefined, "Basic Og=="])(
    "gives who has no login (%s) a token that reads with the operator's, and writes nothing",
    async (authorization) => {
      const { loopback, tokenFor, status, fetch } = await make();
      const token = await tokenFor(authorization);
      expect(token).toMatch(/^Bearer ept1\./);
      expect(loopback.seen).toEqual([]);
      expect(await status("app/manifests/1", token)).toBe(200);
      expect(loopback.seen.map((one) => one.authorization)).toEqual([shared]);
      const put = await fetch("/v2/app/blobs/uploads/", {
        method: "POST",
        headers: { authorization: token },
      });
      expect(put.status).toBe(401);
      expect(put.headers["www-authenticate"]).toContain('error="insufficient_scope"');
      expect(loopback.seen).toHaveLength(1);
    },
  );

  it("gives a login back in a token that reads and writes as that login", async () => {
    const { loopback, tokenFor, status } = await make();
    const token = await tokenFor(carol);
    expect(loopback.seen.map((one) => [one.url, one.authorization])).toEqual([["/v2/", carol]]);
    expect(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).not.toContain("carol");
    expect(await status("hers/manifests/1", token)).toBe(200);
    expect(await status("app/blobs/uploads/", token, "POST")).toBe(200);
    expect(await status("", token)).toBe(200);
    expect(loopback.seen.every((one) => one.authorization === carol)).toBe(true);
  });

  it("takes a login by form too", async () => {
    const { fetch } = await make();
    const body = "grant_type=password&username=carol&password=CANARY-carol&service=x";
    expect((await fetch("/entrepot/token", { method: "POST", headers: form, body })).status).toBe(
      200,
    );
    const wrong = "grant_type=password&username=carol&password=no";
    const refused = await fetch("/entrepot/token", { method: "POST", headers: form, body: wrong });
    expect(refused.status).toBe(401);
    const renewal = "grant_type=refresh_token&refresh_token=CANARY";
    const renewed = await fetch("/entrepot/token", {
      method: "POST",
      headers: form,
      body: renewal,
    });
    expect(renewed.status).toBe(401);
  });

  it("refuses a login that the registry refuses", async () => {
    const { tokenFor } = await make();
    expect(await tokenFor(printBasic({ user: "carol", password: "wrong" }))).toBe("401");
  });

  it("is none at a registry without an entry, and at one whose clients log in themselves", async () => {
    for (const options of [{}, { auth: `${host}:robot:CANARY-robot`, ownLogin: [host] }]) {
      const loopback = await startLoopback();
      loopback.play(host, play);
      const { fetch } = await makeDoors(loopback, options).door(host);
      expect((await fetch("/entrepot/token")).status).toBe(401);
      expect(loopback.seen.some((one) => one.url === "/entrepot/token")).toBe(true);
    }
  });
});

describe("an engine that never pings", () => {
  it("reads with the operator's login, and is refused in the registry's own words", async () => {
    const { loopback, fetch } = await make();
    expect((await fetch("/v2/app/manifests/1")).status).toBe(200);
    const { status, headers } = await fetch("/v2/hers/manifests/1");
    expect([status, headers["www-authenticate"]]).toEqual([401, 'Basic realm="reg"']);
    const hers = loopback.seen.filter(({ url }) => url === "/v2/hers/manifests/1");
    expect(hers.map((one) => one.authorization)).toEqual([shared, undefined]);
    const put = await fetch("/v2/app/blobs/uploads/", { method: "POST" });
    expect([put.status, put.headers["www-authenticate"]]).toEqual([401, 'Basic realm="reg"']);
    expect(
      (await fetch("/v2/hers/manifests/1", { headers: { authorization: carol } })).status,
    ).toBe(200);
  });
});

describe("a sealed login", () => {
  const sealed = new SealedLogins(secret);
  const [here, there] = [registry(host).name, registry("other.example").name];

  it("is opened for its own registry alone, and never the same twice", () => {
    const text = sealed.seal(carol, here);
    expect(sealed.open(text, here)).toBe(carol);
    expect(sealed.open(text, there)).toBeUndefined();
    expect(sealed.seal(carol, here)).not.toBe(text);
  });

  it("is not opened when a bit of it is another, or by another proxy", () => {
    const bytes = Buffer.from(sealed.seal(carol, here), "base64url");
    for (let at = 0; at < bytes.length; at += 1) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] ?? 0) ^ 1;
      expect(sealed.open(other.toString("base64url"), here)).toBeUndefined();
    }
    const elsewhere = new SealedLogins(Buffer.from("another secret of another proxy"));
    expect(elsewhere.open(bytes.toString("base64url"), here)).toBeUndefined();
    expect(sealed.open("", here)).toBeUndefined();
  });
});
