import { describe, expect, it } from "vitest";
import type { Passed } from "../../../src/cache/content.ts";
import type { Exchange } from "../../../src/registry/exchange.ts";
import { passInTime } from "../../../src/registry/login/timed-pass.ts";
import { askFor, passedOf, upstreamAnswer } from "../rig.ts";

function exchangeOf(signal: AbortSignal): Exchange {
  return { ask: askFor("/v2/"), signal } as unknown as Exchange;
}

/** Never answers, and ends when it is told to. */
function hang({ signal }: Exchange): Promise<Passed> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

describe("passing on in time", () => {
  it("gives up when there are no headers in time", async () => {
    const failed = passInTime(exchangeOf(new AbortController().signal), hang, { milliseconds: 20 });
    await expect(failed).rejects.toMatchObject({ code: "TIMEOUT", host: "registry.example" });
  });

  it("gives up when the client leaves", async () => {
    const leaving = new AbortController();
    const failed = passInTime(exchangeOf(leaving.signal), hang);
    leaving.abort();
    await expect(failed).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("leaves the body all its time, and still ends with the client", async () => {
    const leaving = new AbortController();
    const response = upstreamAnswer(200, {}, "slow");
    let given: AbortSignal | undefined;
    const passed = await passInTime(exchangeOf(leaving.signal), async ({ signal }) => {
      given = signal;
      return passedOf(response);
    });
    expect(passed.response).toBe(response);
    leaving.abort();
    expect(given?.aborted).toBe(true);
    response.body.destroy();
  });
});
