import { describe, expect, it } from "vitest";
import type { AuthEvent } from "../../../src/upstream/auth/auth-event.ts";
import { CredentialError } from "../../../src/upstream/auth/credential-error.ts";
import type { HelperAnswer } from "../../../src/upstream/auth/credential-helper.ts";
import { HelperLogin } from "../../../src/upstream/auth/helper-login.ts";

const never = new AbortController().signal;
const minute = 60_000;
const hour = 60 * minute;

type Answer = (nth: number, now: number) => HelperAnswer | undefined | Promise<HelperAnswer>;

/** A helper that is asked so often, and gives `CANARY-1`, `CANARY-2` … unless told otherwise. */
function make(answer: Answer = (nth) => ({ user: "AWS", secret: `CANARY-${nth}` })) {
  const time = { now: Date.UTC(2026, 0, 1) };
  const asked: number[] = [];
  const events: AuthEvent[] = [];
  const login = new HelperLogin({
    helper: "ecr-login",
    server: "1.dkr.ecr.eu-west-1.amazonaws.com",
    askHelper: async () => answer(asked.push(time.now), time.now),
    now: () => time.now,
    observe: (event) => void events.push(event),
  });
  const secret = async (): Promise<string | undefined> => {
    const now = await login.current(never);
    return now?.kind === "password" ? now.password : now?.token;
  };
  return { time, asked, events, login, secret };
}

describe("the login a helper gives", () => {
  it("is asked for once for all, and again after a quarter of an hour", async () => {
    const { time, secret } = make();
    const all = await Promise.all([1, 2, 3].map(secret));
    expect(new Set(all)).toEqual(new Set(["CANARY-1"]));
    time.now += 14 * minute;
    expect(await secret()).toBe("CANARY-1");
    time.now += 2 * minute;
    expect(await secret()).toBe("CANARY-2");
  });

  it("is renewed a minute before it expires", async () => {
    const { time, secret } = make((nth, now) => ({
      ...{ user: "AWS", secret: `CANARY-${nth}` },
      expiresAt: now + 5 * minute,
    }));
    expect(await secret()).toBe("CANARY-1");
    time.now += 4 * minute - 1;
    expect(await secret()).toBe("CANARY-1");
    time.now += 1;
    expect(await secret()).toBe("CANARY-2");
  });

  it("of 12 hours is never older than a quarter of one", async () => {
    const issued = new Map<string, number>();
    const { time, asked, secret } = make((nth, now) => {
      issued.set(`CANARY-${nth}`, now);
      return { user: "AWS", secret: `CANARY-${nth}`, expiresAt: now + 12 * hour };
    });
    for (let passed = 0; passed < 26 * hour; passed += 7 * minute) {
      const age = time.now - (issued.get((await secret()) ?? "") ?? 0);
      expect(age).toBeLessThan(hour / 4);
      time.now += 7 * minute;
    }
    expect(asked.length).toBeLessThanOrEqual(26 * 4 + 1);
  });

  it("that has expired already is not asked for by every request", async () => {
    const { time, asked, secret } = make((nth, now) => ({
      ...{ user: "AWS", secret: `CANARY-${nth}` },
      expiresAt: now - hour,
    }));
    for (let request = 0; request < 100; request += 1) await secret();
    expect(asked).toHaveLength(1);
    time.now += 10_000;
    expect(await secret()).toBe("CANARY-2");
  });

  it("is a refresh token when the user says so", async () => {
    const { login } = make(() => ({ user: "<token>", secret: "CANARY-r" }));
    expect(await login.current(never)).toEqual({ kind: "identity", token: "CANARY-r" });
  });

  it("stays as it was while the helper fails, which is told and not repeated at once", async () => {
    const { time, asked, events, secret } = make((nth) => {
      if (nth > 1) throw new CredentialError("HELPER", "docker-credential-ecr-login is ill");
      return { user: "AWS", secret: "CANARY-1" };
    });
    await secret();
    time.now += hour;
    expect([await secret(), await secret()]).toEqual(["CANARY-1", "CANARY-1"]);
    expect(asked).toHaveLength(2);
    const reason = "docker-credential-ecr-login is ill";
    expect(events).toEqual([{ kind: "credentialHelperFailed", helper: "ecr-login", reason }]);
  });

  it("is gone when the helper has none any more", async () => {
    const { time, secret } = make((nth) =>
      nth === 1 ? { user: "AWS", secret: "CANARY-1" } : undefined,
    );
    expect(await secret()).toBe("CANARY-1");
    time.now += hour;
    expect(await secret()).toBeUndefined();
  });

  it("does not keep a client waiting who leaves", async () => {
    const { login } = make(() => new Promise<never>(() => undefined));
    const leaving = new AbortController();
    const waiting = login.current(leaving.signal);
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
  });
});

describe("a refused login of a helper's", () => {
  it("is refreshed once for all whom it was refused, early and late", async () => {
    const { time, asked, login, secret } = make();
    await secret();
    const { version } = login;
    time.now += minute;
    const both = [login.refresh(version, never), login.refresh(version, never)];
    expect(await Promise.all(both)).toEqual([true, true]);
    expect(await login.refresh(version, never)).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it("is not asked for again at once: the helper has nothing new to say", async () => {
    const { asked, login, secret } = make();
    await secret();
    expect(await login.refresh(login.version, never)).toBe(false);
    expect(asked).toHaveLength(1);
  });

  it("is the same as before when the helper says the same", async () => {
    const { time, asked, login, secret } = make(() => ({ user: "AWS", secret: "CANARY-1" }));
    await secret();
    time.now += minute;
    expect(await login.refresh(login.version, never)).toBe(false);
    expect(asked).toHaveLength(2);
  });
});
