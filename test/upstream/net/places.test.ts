/** What one crowd asks of a registry leaves room for the others. */
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { Places } from "../../../src/upstream/net/places.ts";
import type { Outgoing } from "../../../src/upstream/net/transport.ts";
import { eventually } from "../../support/eventually.ts";
import { TestClock } from "../../support/test-clock.ts";
import { buildRig, listening, outgoing, readAll, rejection } from "../rig.ts";

/** A registry that begins every answer, and ends none before the test says so. */
async function rig(limits: { bodies: number; small: number }, listener?: RequestListener) {
  const clock = new TestClock();
  const answers: ServerResponse[] = [];
  const hold: RequestListener = (request, response) => {
    if (request.method === "HEAD" || request.url?.includes("/manifests/") === true) {
      response.end();
      return;
    }
    response.writeHead(200, { "content-length": 4 }).write("ab");
    answers.push(response);
  };
  const address = await listening(createServer(listener ?? hold));
  const { transport } = buildRig({
    named: [`${address.host}:${address.port}`],
    places: new Places({ after: clock.after, ...limits }),
  });
  const ask = (changes: Partial<Outgoing>) => {
    const answer = transport.send(outgoing(address, changes));
    answer.catch(() => undefined);
    return answer;
  };
  const blob = (client: string, signal = new AbortController().signal) =>
    ask({ target: "/v2/a/blobs/x", asked: "blob", client, signal });
  return { clock, answers, ask, blob };
}

describe("an origin's places", () => {
  it("let nine others' blobs begin at once while one client asks for a thousand", async () => {
    const { blob, answers } = await rig({ bodies: 256, small: 32 });
    for (let i = 0; i < 1_000; i++) void blob("10.0.0.1");
    await eventually(() => expect(answers.length).toBe(228));
    for (let i = 2; i <= 10; i++) expect((await blob(`10.0.0.${i}`)).status).toBe(200);
    expect(answers.length).toBe(237);
  });

  it("let pings, tokens, HEADs, manifests and pushes pass a full house of bodies", async () => {
    const { ask, blob } = await rig({ bodies: 1, small: 4 });
    await blob("a");
    await ask({ target: "/v2/a/manifests/1", asked: "manifest", client: "a" });
    await ask({ target: "/v2/a/blobs/x", asked: "blob", method: "HEAD", client: "a" });
    for (const changes of [
      { target: "/v2/" },
      { target: "/token", asked: "token" },
      { target: "/v2/a/blobs/uploads/", asked: "upload", method: "POST" },
      { target: "/page", client: "a" },
    ] as const) {
      expect((await ask(changes)).status).toBe(200);
    }
  });

  it.each([
    [4, 15],
    [8, 10],
    [16, 8],
  ])(
    "let a newcomer's manifest pass %i addresses with %i that hang each",
    async (addresses, each) => {
      let hanging = 0;
      const { ask } = await rig({ bodies: 256, small: 32 }, (request, response) => {
        if (request.url?.endsWith("/hang") === true) hanging += 1;
        else response.end();
      });
      const manifest = (client: string, name: string) =>
        ask({ target: `/v2/a/manifests/${name}`, asked: "manifest", client });
      for (let i = 0; i < addresses * each; i++) {
        void manifest(`10.0.0.${Math.floor(i / each)}`, "hang");
      }
      await eventually(() => expect(hanging).toBeGreaterThanOrEqual(16));
      expect((await manifest("10.0.1.1", "1")).status).toBe(200);
    },
  );

  it.each([
    ["who hangs twenty-nine requests alone and then three more addresses", [29, 1, 1, 1]],
    ["thirty-two addresses with one hanging request each", Array.from({ length: 32 }, () => 1)],
  ])(
    "are all taken by %s, and a newcomer has his answer after fifteen seconds",
    async (_, hanging) => {
      let hung = 0;
      const { ask, clock } = await rig({ bodies: 256, small: 32 }, (request, response) => {
        if (request.url?.endsWith("/hang") === true) hung += 1;
        else response.end();
      });
      const manifest = (client: string, name: string) =>
        ask({ target: `/v2/a/manifests/${name}`, asked: "manifest", client });
      const asked: Promise<unknown>[] = [];
      for (const [index, count] of hanging.entries()) {
        for (let i = 0; i < count; i++) asked.push(manifest(`10.0.0.${index}`, "hang"));
        await eventually(() => expect(hung).toBe(asked.length));
      }
      const ends = asked.map((one) => one.catch((error: unknown) => error));
      const newcomer = manifest("10.0.1.1", "1");
      const token = ask({ target: "/token", asked: "token" });
      await eventually(() => expect(clock.waiting).toBe(4));
      // A registry that takes twelve seconds for each is slow, and nobody's request is cut for that.
      clock.pass(14_999);
      expect(await Promise.race([...ends, "all asked for"])).toBe("all asked for");
      clock.pass(15_000);
      expect([(await newcomer).status, (await token).status]).toEqual([200, 200]);
      expect(await ends[0]).toMatchObject({ code: "BUSY" });
      const open = Symbol("still asked for");
      const last = ends.slice(-3).map((end) => Promise.race([end, open]));
      expect(await Promise.all(last)).toEqual([open, open, open]);
    },
  );

  it("are given up for nobody who has one already, however long he waits", async () => {
    let hung = 0;
    const { ask, clock } = await rig({ bodies: 256, small: 3 }, () => {
      hung += 1;
    });
    const manifest = (client: string) =>
      ask({ target: "/v2/a/manifests/hang", asked: "manifest", client });
    for (const client of ["a", "b", "c"]) void manifest(client);
    await eventually(() => expect(hung).toBe(3));
    void manifest("a");
    await eventually(() => expect(clock.waiting).toBe(2));
    clock.pass(15_000);
    await eventually(() => expect(clock.waiting).toBe(2));
    expect(hung).toBe(3);
  });

  it("are twenty-nine manifests at once for who is alone there", async () => {
    let hanging = 0;
    const { ask } = await rig({ bodies: 256, small: 32 }, () => {
      hanging += 1;
    });
    for (let i = 0; i < 40; i++) {
      void ask({ target: "/v2/a/manifests/1", asked: "manifest", client: "10.0.0.1" });
    }
    await eventually(() => expect(hanging).toBe(29));
  });

  it("are waited for twenty seconds: then it is busy, and no fault of the registry's", async () => {
    const { clock, blob, answers } = await rig({ bodies: 1, small: 1 });
    await blob("a");
    const waiting = blob("b");
    await eventually(() => expect(clock.waiting).toBe(1));
    clock.pass(20_000);
    expect(await rejection(waiting)).toMatchObject({ code: "BUSY" });
    expect(answers.length).toBe(1);
  });

  it("are not waited for by who has gone", async () => {
    const { clock, blob } = await rig({ bodies: 1, small: 1 });
    await blob("a");
    const client = new AbortController();
    const waiting = blob("b", client.signal);
    await eventually(() => expect(clock.waiting).toBe(1));
    client.abort();
    expect(await rejection(waiting)).toMatchObject({ code: "ABORTED" });
    expect(clock.waiting).toBe(0);
  });

  it("are given back when the answer has come, whoever reads it when", async () => {
    const { blob, answers } = await rig({ bodies: 1, small: 1 });
    const first = await blob("a");
    const second = blob("a");
    answers[0]?.end("cd");
    expect((await second).status).toBe(200);
    expect(String(await readAll(first.body))).toBe("abcd");
  });

  it.each<[string, RequestListener]>([
    ["the registry cuts the answer", (_request, response) => response.destroy()],
    ["it is a redirect", (_request, response) => response.writeHead(307, { location: "/b" }).end()],
    ["it is an error", (_request, response) => response.writeHead(500).end("no")],
    ["it is no HTTP", ({ socket }) => socket.end("nonsense\r\n\r\n")],
  ])("are given back when %s", async (_what, listener) => {
    const { blob } = await rig({ bodies: 1, small: 1 }, listener);
    for (let i = 0; i < 3; i++)
      await blob("a").then(
        ({ body }) => body.resume(),
        () => undefined,
      );
  });

  it.each(["destroyed", "aborted"])("are given back when the body is %s", async (how) => {
    const { blob } = await rig({ bodies: 1, small: 1 });
    for (let i = 0; i < 3; i++) {
      const client = new AbortController();
      const { body } = await blob("a", client.signal);
      if (how === "destroyed") body.destroy();
      else client.abort();
    }
  });
});
