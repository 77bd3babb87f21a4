import { describe, expect, it } from "vitest";
import type { SharedCredential } from "../../../src/cache/access/standing.ts";
import { Visibility } from "../../../src/cache/access/visibility.ts";
import type { Denial } from "../../../src/cache/asking/small-answer.ts";
import { firstAllowed, passDenial } from "../../../src/cache/pull/first-allowed.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { anonymous, login, manifestAsk, none } from "../support/house.ts";

const ref = manifestAsk("docker.io/corp/app:1");
const answer = (status: number) => ({ status, headers: new Map(), body: Buffer.from(`${status}`) });
const refused = (status = 401): Denial => ({ kind: "refused", answer: answer(status) });

function setUp(credential: SharedCredential | undefined) {
  const visibility = new Visibility({
    records: new MemoryRecordStore(),
    observe: () => undefined,
    now: () => 1,
    credentialOf: () => credential,
    secret: Buffer.from("secret"),
  });
  const asked: string[] = [];
  const ask = (access: typeof none, answers: Record<string, Denial | { kind: "yes" }>) =>
    firstAllowed<{ kind: "yes" }>(visibility, { ...ref, access }, async (own) => {
      asked.push(own.kind);
      return answers[own.kind] ?? { kind: "yes" };
    });
  return { visibility, asked, ask };
}

const operators = { id: "one", isRefused: false };

describe("asking in one name after another", () => {
  it("ends with the first that is let in", async () => {
    const { ask, asked } = setUp(operators);
    const { access, answer: given } = await ask(login("a"), { client: refused() });
    expect([access.kind, given.kind, asked]).toEqual(["shared", "yes", ["client", "shared"]]);
  });

  it("gives the asker's own refusal when all are refused", async () => {
    const { ask } = setUp(operators);
    const { answer: given } = await ask(login("a"), { client: refused(403), shared: refused(401) });
    expect(given).toEqual(refused(403));
  });

  it("goes no further after an answer that is no refusal", async () => {
    const { ask, asked } = setUp(operators);
    const missing: Denial = { kind: "missing", answer: answer(404) };
    expect((await ask(login("a"), { client: missing })).answer).toBe(missing);
    expect(asked).toEqual(["client"]);
  });

  it("withdraws what the refused access had proven", async () => {
    const { visibility, ask, asked } = setUp(undefined);
    await visibility.grant(ref, anonymous, ref.reference);
    await ask(none, { anonymous: refused(), none: refused() });
    expect(asked).toEqual(["anonymous", "none"]);
    expect(await visibility.mayWhileUnreachable({ ...ref, access: none })).toBe(false);
  });

  it("blames nobody for the operator's broken credential: the registry cannot say", async () => {
    const credential = { id: "one", isRefused: false };
    const { visibility, ask } = setUp(credential);
    await visibility.grant(ref, { kind: "shared" }, ref.reference);
    credential.isRefused = true;
    const { answer: given } = await ask(none, { shared: refused(), none: refused(403) });
    expect(given).toMatchObject({ kind: "unavailable", answer: { status: 403 } });
    expect(await visibility.mayWhileUnreachable({ ...ref, access: none })).toBe(true);
  });

  it("takes no 404 for an answer that the operator's broken credential got", async () => {
    const { ask, asked } = setUp({ id: "one", isRefused: true });
    const gone: Denial = { kind: "missing", answer: answer(404) };
    const { answer: given } = await ask({ kind: "shared" }, { shared: gone });
    expect(given).toEqual({ kind: "unavailable", answer: answer(404) });
    expect((await ask(anonymous, { anonymous: gone })).answer).toBe(gone);
    const notAllowed: Denial = { kind: "missing", answer: answer(405) };
    expect((await ask({ kind: "shared" }, { shared: notAllowed })).answer).toBe(notAllowed);
    expect(asked).toEqual(["shared", "anonymous", "shared"]);
  });
});

it("a denial is passed on in the registry's words, or thrown when it had none", () => {
  expect(passDenial(refused(403)).response.status).toBe(403);
  const error = new UpstreamError("DNS", "docker.io", "no such name");
  expect(() => passDenial({ kind: "unavailable", error })).toThrow(error);
});
