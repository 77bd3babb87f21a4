import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Sender } from "../../../src/doors/proxy/forward.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { openDoor, talk } from "../open-door.ts";

type Sent = Parameters<Sender["send"]>[0];

describe("plain HTTP for another host", () => {
  it("goes there and comes back, without hop-by-hop fields", async () => {
    const { sent, send } = exchange({ status: 203, body: "hello" });
    const { port, events } = await openDoor({ exchange: { send } });
    const answer = await talk(
      port,
      "GET http://deb.example/a?b=c HTTP/1.1\r\nHost: other\r\nX-Kept: 1\r\nConnection: close, X-Named\r\nX-Named: 2\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1.1 203 [\s\S]*\r\n\r\n(?:5\r\n)?hello/);
    expect(answer).toContain("set-cookie: a\r\nset-cookie: b\r\n");
    expect(answer).not.toContain("keep-alive: timeout=99");
    expect(sent).toMatchObject([
      {
        scheme: "http",
        address: { host: "deb.example", port: 80 },
        onBehalfOf: "http://deb.example:80",
        method: "GET",
        target: "/a?b=c",
      },
    ]);
    expect([...(sent[0]?.headers.keys() ?? [])]).toEqual(["x-kept"]);
    expect(sent[0]?.body).toBeUndefined();
    expect(events).toMatchObject([{ kind: "forwarded", host: "deb.example", status: 203 }]);
  });

  it("takes its body along as it arrives", async () => {
    const bodies: string[] = [];
    const { send } = exchange({ status: 201, body: "" });
    const { port } = await openDoor({
      exchange: {
        send: async (request) => {
          if (request.body !== undefined) bodies.push(await text(Readable.from(request.body)));
          return send(request);
        },
      },
    });
    const head = "POST http://deb.example/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    await talk(port, `${head}Content-Length: 4\r\n\r\nbody`);
    await talk(port, `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nmore\r\n0\r\n\r\n`);
    expect(bodies).toEqual(["body", "more"]);
  });

  it.each([
    ["FORBIDDEN", 403],
    ["DNS", 502],
    ["TIMEOUT", 504],
  ] as const)(
    "that fails with %s is a %i with the reason, for the client and for the log",
    async (code, status) => {
      const send = async () => {
        throw new UpstreamError(code, "deb.example", "deb.example is out of reach");
      };
      const { port, events } = await openDoor({ exchange: { send } });
      const answer = await talk(port, "GET http://deb.example/ HTTP/1.1\r\nHost: a\r\n\r\n");
      expect(answer).toMatch(
        new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*deb.example is out of reach`),
      );
      const asked = "GET http://deb.example/";
      expect(events).toMatchObject([
        { kind: "refused", asked, status, reason: "deb.example is out of reach" },
      ]);
    },
  );

  it("that breaks in the middle is a broken answer, not a short one", async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.from("half");
        throw new UpstreamError("RESET", "deb.example", "gone");
      })(),
    );
    const { send } = exchange({ status: 200, body });
    const { port, events } = await openDoor({ exchange: { send } });
    const answer = await talk(port, "GET http://deb.example/ HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(answer).toContain("half");
    expect(answer).not.toContain("0\r\n\r\n");
    expect(events).not.toContainEqual(expect.objectContaining({ kind: "handlerFailed" }));
  });
});

function exchange(answer: { status: number; body: string | Readable }) {
  const sent: Sent[] = [];
  const send: Sender["send"] = async (request) => {
    sent.push(request);
    const { status, body } = answer;
    return {
      status,
      headers: headerList({ "set-cookie": ["a", "b"], "keep-alive": "timeout=99" }),
      body: typeof body === "string" ? Readable.from(body === "" ? [] : [Buffer.from(body)]) : body,
    };
  };
  return { sent, send };
}
