import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { DoorEvent } from "../../../../src/doors/door-event.ts";
import {
  AcmeCertificate,
  type AcmeCertificateOptions,
} from "../../../../src/doors/tls/acme/acme-certificate.ts";
import { AcmeError } from "../../../../src/doors/tls/acme/acme-error.ts";
import { type KeyPair, keysIn, pairUp } from "../../../../src/doors/tls/key-pair.ts";
import { type Authority, makeAuthority } from "../../../support/certificates.ts";
import { eventually } from "../../../support/eventually.ts";

const second = 1_000;
const day = 86_400 * second;
const from = "https://acme.example/directory";
const begin = Date.UTC(2030, 0, 1);

describe("a certificate in force", () => {
  it("is ordered at once when there is none, for its name", async () => {
    const world = makeWorld();
    await world.run({});
    await eventually(() => world.orders.length === 1 && world.certificates().length === 1);
    expect(world.orders).toEqual(["a.example"]);
    expect(world.events).toEqual([
      { kind: "certificateTaken", from, names: "a.example", until: begin + 90 * day },
    ]);
  });

  it("that was kept serves without an order", async () => {
    const world = makeWorld();
    await world.run({ kept: world.pair(["a.example"], 90) });
    await eventually(() => world.isAsleep());
    expect([world.orders.length, world.certificates().length]).toEqual([0, 1]);
  });

  it("is renewed at two thirds of its life, and not a day before", {
    timeout: 90_000,
  }, async () => {
    const world = makeWorld();
    await world.run({ kept: world.pair(["a.example"], 90) });
    await world.passTo(begin + 59 * day);
    expect(world.orders).toHaveLength(0);
    await world.passTo(begin + 60 * day + second);
    await eventually(() => world.orders.length === 1);
  });

  it("of another service serves on until this one has given its own", async () => {
    const failures = [new AcmeError("UNREACHABLE", "no answer")];
    const world = makeWorld({ fail: () => failures.shift() });
    const kept = world.pair(["a.example"], 90);
    await world.run({ kept, isOfThisService: false });
    await eventually(() => world.events.length === 1 && world.isAsleep());
    expect(world.certificates()).toEqual([kept]);
    await world.passTo(begin + 20 * second);
    await eventually(() => world.orders.length === 1 && world.isAsleep());
    expect(world.certificates()).not.toEqual([kept]);
    await world.passTo(begin + 59 * day);
    expect(world.orders).toHaveLength(1);
  });

  it("that has ended is shown no more", async () => {
    const world = makeWorld({ fail: () => new AcmeError("UNREACHABLE", "no answer") });
    await world.run({ kept: world.pair(["a.example"], 3) });
    expect(world.certificates()).toHaveLength(1);
    await world.passTo(begin + 3 * day);
    expect(world.certificates()).toHaveLength(0);
  });
});

describe("a service that gives none", () => {
  it.each([
    [
      "is away",
      new AcmeError("UNREACHABLE", "x"),
      [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600],
    ],
    [
      "refuses",
      new AcmeError("REFUSED", "x"),
      [60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360, 30_720, 43_200],
    ],
    ["does what nobody foresaw", new TypeError("x"), [60, 120, 240]],
  ])("and %s is asked ever more rarely", async (_what, error, pauses) => {
    const world = makeWorld({ fail: () => error });
    await world.run({});
    for (const [index, pause] of pauses.entries()) {
      await eventually(() => world.events.length === index + 1 && world.isAsleep());
      const event = world.events.at(-1);
      expect(event).toMatchObject({ kind: "certificateFailed", cause: error });
      const retryAt = event?.kind === "certificateFailed" ? (event.retryAt ?? 0) : 0;
      expect(retryAt - world.now()).toBe(pause * second);
      await world.passTo(retryAt);
    }
  });

  it("is left alone as long as it says", async () => {
    const limited = new AcmeError("REFUSED", "too many", { retryAfter: 7_200 * second });
    const world = makeWorld({ fail: () => limited });
    await world.run({});
    await eventually(() => world.isAsleep());
    expect(world.events).toMatchObject([{ retryAt: begin + 7_200 * second }]);
  });

  it("is asked again after a week although it wants to be left alone for ever", async () => {
    const limited = new AcmeError("REFUSED", "too many", { retryAfter: 1e15 });
    const world = makeWorld({ fail: () => limited });
    await world.run({});
    await eventually(() => world.isAsleep());
    expect(world.events).toMatchObject([{ retryAt: begin + 7 * day }]);
  });

  it("is asked again in time although the clock was far ahead when it failed", async () => {
    const failures = [new AcmeError("UNREACHABLE", "no answer")];
    const world = makeWorld({ fail: () => failures.shift() });
    world.setClock(begin + 3_650 * day);
    await world.run({});
    await eventually(() => world.events.length === 1 && world.isAsleep());
    world.setClock(begin);
    await world.passTo(begin + 20 * second);
    await eventually(() => world.orders.length === 1);
  });

  it("keeps nobody from the certificate there is, and starts afresh after a success", async () => {
    const failures = [new AcmeError("REFUSED", "no"), new AcmeError("REFUSED", "no")];
    const world = makeWorld({ fail: () => failures.shift() });
    const kept = world.pair(["a.example"], 3);
    await world.run({ kept });
    await world.passTo(begin + 2 * day + second);
    await eventually(() => world.events.length === 1 && world.isAsleep());
    expect(world.certificates()).toEqual([kept]);
    await world.passTo(begin + 2 * day + 300 * second);
    await eventually(() => world.events.some(({ kind }) => kind === "certificateTaken"));
    expect(world.certificates()).not.toEqual([kept]);
  });

  it("is said to, with its words and the next try, until it has given one", async () => {
    const failures = [new AcmeError("REFUSED", "acme.example says: no such name")];
    const world = makeWorld({ fail: () => failures.shift() });
    await world.run({});
    await eventually(() => world.events.length === 1 && world.isAsleep());
    expect(world.events).toMatchObject([{ names: "a.example" }]);
    expect(world.trouble()).toBe(
      "there is no certificate for a.example: acme.example says: no such name; the next try is at 2030-01-01T00:01Z",
    );
    await world.passTo(begin + 61 * second);
    await eventually(() => world.orders.length === 1);
    await eventually(() => expect(world.trouble()).toBeUndefined());
  });

  it("does not keep the program from stopping", async () => {
    const world = makeWorld({ fail: () => new AcmeError("UNREACHABLE", "x") });
    const certificates = await world.run({});
    await eventually(() => world.isAsleep());
    await certificates.close();
  });
});

type Faults = { readonly fail?: () => Error | undefined };
type Given = {
  readonly kept?: KeyPair;
  readonly isOfThisService?: boolean;
};

/** A service, a folder and a clock of the test's own. */
function makeWorld({ fail = () => undefined }: Faults = {}) {
  const authority: Authority = makeAuthority();
  const orders: string[] = [];
  const events: DoorEvent[] = [];
  const sleepers: { until: number; wake: () => void }[] = [];
  let time = begin;
  let running: AcmeCertificate | undefined;
  const issue = (names: readonly string[], days: number) =>
    authority.issue(names, { notBefore: new Date(time), notAfter: new Date(time + days * day) });
  const pair = (names: readonly string[], days: number): KeyPair => {
    const { cert, key } = issue(names, days);
    return pairUp(cert, keysIn(key), "made");
  };
  const options: Omit<AcmeCertificateOptions, "name" | "folder"> = {
    from,
    service: {
      order: async ({ name }) => {
        const error = fail();
        if (error !== undefined) throw error;
        orders.push(name);
        const { cert, key } = issue([name], 90);
        return { chain: cert, key };
      },
    },
    challenges: { type: "http-01", show: async () => undefined, hide: async () => undefined },
    observe: (event) => void events.push(event),
    timing: {
      now: () => time,
      random: () => 0.5,
      sleep: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          sleepers.push({ until: time + milliseconds, wake: resolve });
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }),
    },
  };
  return {
    ...{ orders, events, pair },
    now: () => time,
    isAsleep: () => sleepers.length > 0,
    certificates: () => running?.pairs() ?? [],
    trouble: () => running?.trouble(),
    /** As somebody who sets it does; who sleeps now sleeps no longer for it. */
    setClock: (now: number) => {
      for (const sleeper of sleepers) sleeper.until += now - time;
      time = now;
    },
    run: async ({ kept, isOfThisService = true }: Given) => {
      const folder = {
        accountKey: async () => "account",
        certificate: async () => kept && { pair: kept, isOfThisService },
        keep: async (_name: string, chain: string, key: string) =>
          pairUp(chain, keysIn(key), "kept"),
      };
      const certificates = await AcmeCertificate.open({ ...options, name: "a.example", folder });
      onTestFinished(() => certificates.close());
      running = certificates;
      certificates.start();
      return certificates;
    },
    /** Lets time pass, waking whoever is due on the way. */
    passTo: async (until: number) => {
      while (time < until) {
        await eventually(() => sleepers.length > 0);
        const [sleeper] = sleepers.splice(0);
        time = Math.min(until, Math.max(time, sleeper?.until ?? until));
        if (sleeper !== undefined && sleeper.until <= time) sleeper.wake();
        else if (sleeper !== undefined) sleepers.push(sleeper);
        await nextTurn();
      }
    },
  };
}
