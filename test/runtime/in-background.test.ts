import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { inBackground } from "../../src/runtime/in-background.ts";

class Expected extends Error {
  readonly code = "RESET";
}

async function told(error: unknown): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<Error>();
  inBackground(Promise.reject(error), resolve);
  return await promise;
}

describe("work that nobody waits for", () => {
  it("has its expected failures told", async () => {
    const failure = new Expected("gone");
    expect(await told(failure)).toBe(failure);
    const badUrl = await told(Object.assign(new TypeError("bad"), { code: "ERR_INVALID_URL" }));
    expect(badUrl.message).toBe("bad");
    expect(await told(new DOMException("stopped", "AbortError"))).toMatchObject({
      name: "AbortError",
    });
  });

  it.each([new TypeError("x is undefined"), new RangeError("out of it"), "no error at all"])(
    "does not swallow a bug: %s",
    async (bug) => {
      // Ours, or the test would count as failed by what it provokes.
      const others = process.listeners("unhandledRejection");
      process.removeAllListeners("unhandledRejection");
      try {
        const unhandled = once(process, "unhandledRejection");
        inBackground(Promise.reject(bug), () => expect.unreachable());
        expect((await unhandled)[0]).toBe(bug);
      } finally {
        for (const listener of others) process.on("unhandledRejection", listener);
      }
    },
  );
});
