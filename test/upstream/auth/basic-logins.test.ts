import { describe, expect, it } from "vitest";
import { printBasic } from "../../../src/protocol/http/basic-auth.ts";
import { BasicLogins } from "../../../src/upstream/auth/basic-logins.ts";
import { type AuthOptions, makeAuth, registry, say, startLoopback } from "./loopback.ts";

const host = "reg.example:5000";
const reg = registry(host);
const { signal } = new AbortController();
const ask = { registry: reg, repository: "a/b", signal };
const basic = printBasic({ user: "bob", password: "CANARY" });
const helper = {
  address: { host: "reg.example", port: 5000 },
  login: { kind: "helper", helper: "ecr-login", server: host },
} as const;

/** The registry answers `/v2/` with one status to the login and another to nobody. */
async function make(options: AuthOptions = { auth: `${host}:bob:CANARY` }) {
  const loopback = await startLoopback();
  const auth = makeAuth(loopback, options);
  const logins = new BasicLogins(auth.credentials, auth.finder);
  const play = (toLogin: number, toNobody = 401) =>
    loopback.play(host, ({ headers }, response) =>
      say(response, headers.authorization === undefined ? toNobody : toLogin),
    );
  return { loopback, ...auth, logins, play };
}

const refused = (status = 401) => ({ sent: basic, status });

describe("a login that was refused", () => {
  it.each([
    ["401, and so does /v2/", 401, [401, 401], true],
    ["403, and so does /v2/", 403, [403, 401], true],
    ["401 for one repository, and /v2/ takes it", 401, [200, 401], false],
    ["403 for one repository, and /v2/ takes it", 403, [200, 401], false],
    ["401, and /v2/ takes everybody", 401, [200, 200], true],
    ["403, and /v2/ takes everybody", 403, [200, 200], false],
    ["401, and /v2/ says nothing", 401, [404, 404], true],
    ["401, and /v2/ is ill", 401, [503, 401], false],
    ["401, and /v2/ asks to be left alone", 401, [429, 401], false],
  ] as const)("with %s", async (_name, status, [toLogin, toNobody], expected) => {
    const { logins, play, credentials } = await make();
    play(toLogin, toNobody);
    expect(await logins.isRefused(ask, refused(status))).toBe(expected);
    expect(credentials.refused()).toHaveLength(expected ? 1 : 0);
    expect(await logins.header(ask)).toBe(expected ? undefined : basic);
  });

  it("at /v2/ itself needs nobody else's word", async () => {
    const { loopback, logins } = await make();
    expect(await logins.isRefused({ ...ask, repository: undefined }, refused())).toBe(true);
    expect(loopback.seen).toEqual([]);
  });

  it("is not blamed when the registry cannot be asked", async () => {
    const { logins } = await make();
    expect(await logins.isRefused(ask, refused())).toBe(false);
  });

  it("is not put out of use by who asks for somebody's repository where /v2/ is open", async () => {
    const { logins, play, credentials, time } = await make();
    play(200, 200);
    await logins.worked(ask, basic);
    time.now += 59_000;
    expect(await logins.isRefused({ ...ask, repository: "some/body" }, refused())).toBe(false);
    time.now += 1_000;
    expect(await logins.isRefused(ask, refused())).toBe(true);
    expect(credentials.refused()).toHaveLength(1);
  });

  it("is out of use for who asks for somebody's repository, and for nobody else, where /v2/ is open", async () => {
    const { logins, play, credentials } = await make();
    play(200, 200);
    const attacker = { ...ask, repository: "some/body", from: "10.0.0.66" };
    const other = { ...ask, from: "10.0.0.7" };
    expect(await logins.isRefused(attacker, refused())).toBe(true);
    expect(await logins.header(attacker)).toBeUndefined();
    expect(await logins.header(other)).toBe(basic);
    expect(credentials.refused()).toHaveLength(1);
    await logins.worked(other, basic);
    expect(credentials.refused()).toEqual([]);
    expect(await logins.isRefused(attacker, refused())).toBe(false);
    expect(await logins.header(other)).toBe(basic);
  });

  it("is out of use for everybody once /v2/ refuses it", async () => {
    const { logins, play } = await make();
    play(401);
    expect(await logins.isRefused({ ...ask, from: "10.0.0.66" }, refused())).toBe(true);
    expect(await logins.header({ ...ask, from: "10.0.0.7" })).toBeUndefined();
  });

  it("is asked about once for all, and a good one not again for five seconds", async () => {
    const { loopback, logins, play, time } = await make();
    play(200);
    await Promise.all([1, 2, 3].map(() => logins.isRefused(ask, refused())));
    await logins.isRefused(ask, refused());
    expect(loopback.seen.map((one) => one.authorization)).toEqual([basic, undefined]);
    time.now += 5_000;
    await logins.isRefused(ask, refused());
    expect(loopback.seen).toHaveLength(4);
  });

  it("is good again when the registry takes it, not because it gives away what is everybody's", async () => {
    const { logins, play, credentials, time } = await make();
    play(401);
    await logins.isRefused(ask, refused());
    time.now += 61_000;
    await logins.worked(ask, basic);
    expect(credentials.refused()).toHaveLength(1);
    play(200);
    await logins.worked(ask, basic);
    expect(credentials.refused()).toEqual([]);
  });
});

describe("a login from a helper", () => {
  it("that was refused is replaced, once, by what the helper says now", async () => {
    let asked = 0;
    const askHelper = async () => ({ user: "bob", secret: `CANARY-${++asked}` });
    const { logins, time } = await make({ entries: [helper], askHelper });
    const sent = (await logins.header(ask)) ?? "";
    time.now += 60_000;
    const fresh = await Promise.all([1, 2, 3].map(() => logins.fresh(ask, sent)));
    const late = await logins.fresh(ask, sent);
    const second = printBasic({ user: "bob", password: "CANARY-2" });
    expect([...fresh, late]).toEqual([second, second, second, second]);
    expect(await logins.fresh(ask, second)).toBeUndefined();
    expect(asked).toBe(2);
  });

  it("that says the same as before is no other", async () => {
    const askHelper = async () => ({ user: "bob", secret: "CANARY" });
    const { logins, time } = await make({ entries: [helper], askHelper });
    await logins.header(ask);
    time.now += 60_000;
    expect(await logins.fresh(ask, basic)).toBeUndefined();
  });
});

it("has nothing for a registry that has no entry", async () => {
  const { logins } = await make({});
  expect(await logins.header(ask)).toBeUndefined();
  expect(await logins.fresh(ask, basic)).toBeUndefined();
  expect(await logins.isRefused(ask, refused())).toBe(false);
  await logins.worked(ask, basic);
});
