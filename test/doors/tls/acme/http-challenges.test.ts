import { describe, expect, it, onTestFinished } from "vitest";
import { HttpChallenges } from "../../../../src/doors/tls/acme/http-challenges.ts";

const proof = { domain: "a.example", token: "t0k-en", answer: "t0k-en.thumb" };

async function open() {
  const challenges = await HttpChallenges.open("127.0.0.1", 0);
  onTestFinished(() => challenges.stop(AbortSignal.abort()));
  const origin = `http://127.0.0.1:${challenges.port}`;
  return { challenges, at: `${origin}/.well-known/acme-challenge/${proof.token}`, origin };
}

describe("an http-01 challenge", () => {
  it("is answered while it is shown", async () => {
    const { challenges, at } = await open();
    expect((await fetch(at)).status).toBe(404);
    await challenges.show(proof);
    expect(await (await fetch(at)).text()).toBe(proof.answer);
    expect((await fetch(at, { method: "HEAD" })).status).toBe(200);
    await challenges.hide(proof);
    expect((await fetch(at)).status).toBe(404);
  });

  it.each(["/", "/v2/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/other"])(
    "is all there is: %s",
    async (path) => {
      const { challenges, origin } = await open();
      await challenges.show(proof);
      expect((await fetch(origin + path)).status).toBe(404);
    },
  );

  it("on a port that is taken stops the start with a sentence", async () => {
    const { challenges } = await open();
    await expect(HttpChallenges.open("127.0.0.1", challenges.port)).rejects.toThrow(
      /ACME_HTTP_PORT, or ACME_CHALLENGE to dns-01/,
    );
  });
});
