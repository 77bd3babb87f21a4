import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { newKey } from "../../../../src/doors/tls/acme/acme-folder.ts";
import { AcmeService } from "../../../../src/doors/tls/acme/acme-service.ts";
import type { Challenges, Proof } from "../../../../src/doors/tls/acme/challenges.ts";

const { signal } = new AbortController();

describe("an order", () => {
  it("is for one name, which is proven, and the proof is taken away", async () => {
    const service = await startService();
    const { challenges, shown, hidden } = makeChallenges();
    const ordered = await service.order({ challenges });
    expect(ordered).toMatchObject({ chain: "the chain" });
    expect(ordered.key).toContain("PRIVATE KEY");
    expect(shown.map(({ domain }) => domain)).toEqual(["a.example"]);
    expect(shown[0]?.answer).toMatch(/^token-.\.[\w-]{43}$/);
    expect(hidden).toHaveLength(1);
  });

  it("waits for the one before it, which may be another name's and fail", async () => {
    const events: string[] = [];
    const service = await startService();
    const named = (name: string) =>
      makeChallenges({
        show: async () => void events.push(`${name} begins`),
        hide: async () => void events.push(`${name} ends`),
      }).challenges;
    const broken = { ...named("first"), type: "dns-01" as const };
    const orders = [broken, named("second"), named("third")].map((challenges) =>
      service.order({ challenges }),
    );
    const ends = await Promise.allSettled(orders);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(events.join()).toBe("first ends,second begins,second ends,third begins,third ends");
  });

  it("goes on with an account that the service knows and does not let be changed", async () => {
    const service = await startService({ knowsAccount: true });
    await expect(service.order({})).resolves.toMatchObject({ chain: "the chain" });
  });

  it("that is refused is so in the service's words, with the pause it asks for", async () => {
    const service = await startService({ limit: "1800" });
    await expect(service.order({})).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ says: too many certificates/),
      retryAfter: 1_800_000,
    });
  });

  it("may name a date for that", async () => {
    const service = await startService({ limit: new Date(Date.now() + 3_600_000).toUTCString() });
    const refused = await service.order({}).catch((error: unknown) => error);
    expect(Math.abs((refused as { retryAfter: number }).retryAfter - 3_600_000)).toBeLessThan(
      5_000,
    );
  });

  it("whose challenge fails says what was wrong with it", async () => {
    const service = await startService({ challengeStatus: "invalid" });
    await expect(service.order({})).rejects.toThrow(/says: wrong key authorization/);
  });

  it("by a challenge that the service does not offer says which setting to change", async () => {
    const service = await startService();
    const { challenges } = makeChallenges({ type: "dns-01" });
    await expect(service.order({ challenges })).rejects.toMatchObject({
      code: "CHALLENGE",
      message: expect.stringContaining("set ACME_CHALLENGE"),
    });
  });

  it("whose challenge cannot be prepared says why", async () => {
    const service = await startService();
    const { challenges } = makeChallenges({
      show: () => Promise.reject(new Error("no such zone")),
    });
    await expect(service.order({ challenges })).rejects.toMatchObject({
      code: "CHALLENGE",
      message: "the challenge could not be prepared: no such zone",
    });
  });

  it("of a service that is not there says so", async () => {
    const service = await startService();
    await service.stop();
    await expect(service.order({})).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringMatching(/does not answer: .*ECONNREFUSED/),
    });
  });

  it("is given up at once when the program stops", async () => {
    const service = await startService({ challengeStatus: "pending" });
    const life = new AbortController();
    const { challenges } = makeChallenges({ show: async () => life.abort(new Error("stopping")) });
    await expect(service.order({ challenges, signal: life.signal })).rejects.toThrow("stopping");
  });
});

describe("behind a corporate proxy", () => {
  it("goes through it, with its login, and not around it", async () => {
    const { port, asked } = await startProxy();
    const HTTPS_PROXY = `http://corp:CANARY-proxy@127.0.0.1:${port}`;
    const sending = serviceWith({ HTTPS_PROXY }).send({ method: "GET", url, headers: {} });
    await expect(sending).rejects.toThrow(/403/);
    const login = Buffer.from("corp:CANARY-proxy").toString("base64");
    expect(asked).toEqual([{ target: "127.0.0.1:9", login: `Basic ${login}` }]);
  });

  it.each([
    ["has no part in what NO_PROXY names", "NO_PROXY"],
    ["of the environment has no part when it was not set", undefined],
  ])("it %s", async (_title, except) => {
    const { port, asked } = await startProxy();
    const HTTPS_PROXY = `http://127.0.0.1:${port}`;
    vi.stubEnv("HTTPS_PROXY", HTTPS_PROXY);
    onTestFinished(() => void vi.unstubAllEnvs());
    const proxy = except === undefined ? {} : { HTTPS_PROXY, [except]: "127.0.0.1" };
    const sending = serviceWith(proxy).send({ method: "GET", url, headers: {} });
    await expect(sending).rejects.toThrow("ECONNREFUSED");
    expect(asked).toEqual([]);
  });

  /** Port 9, discard: nobody listens. */
  const url = "https://127.0.0.1:9/directory";

  function serviceWith(proxy: { readonly HTTPS_PROXY?: string; readonly NO_PROXY?: string }) {
    return new AcmeService({ directory: url, email: undefined, authorities: [], proxy });
  }

  /** It lets nobody through. */
  async function startProxy() {
    const asked: { target: string | undefined; login: string | undefined }[] = [];
    const proxy = createServer().on("connect", ({ url: target, headers }, socket) => {
      asked.push({ target, login: headers["proxy-authorization"] });
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    return { port: (proxy.address() as AddressInfo).port, asked };
  }
});

function makeChallenges(changes: Partial<Challenges> = {}) {
  const shown: Proof[] = [];
  const hidden: Proof[] = [];
  const challenges: Challenges = {
    type: "http-01",
    show: async (proof) => void shown.push(proof),
    hide: async (proof) => void hidden.push(proof),
    ...changes,
  };
  return { challenges, shown, hidden };
}

type Behaviour = {
  readonly knowsAccount?: boolean;
  readonly limit?: string;
  readonly challengeStatus?: string;
};

/** As much of RFC 8555 as a client walks through, on loopback. */
async function startService(behaviour: Behaviour = {}) {
  const server = createServer((request, response) => {
    request.resume();
    const origin = `http://${request.headers.host}`;
    answer(request.url ?? "/", { response, origin, behaviour });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async () => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(stop);
  const directory = `http://127.0.0.1:${(server.address() as AddressInfo).port}/directory`;
  const service = new AcmeService({
    ...{ directory, email: undefined, authorities: [], proxy: {} },
    pollEvery: 1,
  });
  const order = (given: { challenges?: Challenges; signal?: AbortSignal }) =>
    service.order(
      {
        name: "a.example",
        accountKey: newKey(),
        challenges: given.challenges ?? makeChallenges().challenges,
      },
      given.signal ?? signal,
    );
  return { order, stop };
}

type Asked = {
  readonly response: ServerResponse;
  readonly origin: string;
  readonly behaviour: Behaviour;
};

function answer(path: string, { response, origin, behaviour }: Asked): ServerResponse {
  const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
    const type = { "content-type": "application/json", "replay-nonce": "nonce" };
    return response.writeHead(status, { ...type, ...headers }).end(JSON.stringify(body));
  };
  const name = path.slice(-1);
  const location = `${origin}${path === "/new-account" ? "/account" : "/order"}`;
  const order = {
    status: path === "/finalize" ? "valid" : "pending",
    authorizations: ["a"].map((one) => `${origin}/authorization-${one}`),
    finalize: `${origin}/finalize`,
    certificate: `${origin}/certificate`,
  };
  const challenge = {
    ...{ type: "http-01", url: `${origin}/challenge-${name}`, token: `token-${name}` },
    status: behaviour.challengeStatus ?? "valid",
    ...(behaviour.challengeStatus === "invalid"
      ? { error: { detail: "wrong key authorization" } }
      : {}),
  };
  const identifier = { type: "dns", value: `${name}.example` };
  switch (path.replace(/-[ab]$/, "")) {
    case "/directory":
      return send(200, {
        newNonce: `${origin}/nonce`,
        newAccount: `${origin}/new-account`,
        newOrder: `${origin}/new-order`,
      });
    case "/nonce":
      return send(200, {});
    case "/new-account":
      return send(behaviour.knowsAccount ? 200 : 201, {}, { location });
    case "/account":
      return send(400, { detail: "an account is not to be changed" });
    case "/new-order":
      return behaviour.limit === undefined
        ? send(201, order, { location })
        : send(429, { detail: "too many certificates" }, { "retry-after": behaviour.limit });
    case "/authorization":
      return send(200, { status: "pending", identifier, challenges: [challenge] });
    case "/challenge":
      return send(200, challenge);
    case "/finalize":
    case "/order":
      return send(200, order, { location });
    case "/certificate":
      return send(200, "the chain");
  }
  return send(404, {});
}
