/** Many requests on one connection before any of them is answered. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { converse, dial } from "./support/client.ts";
import { type Program, Scene } from "./support/program.ts";

let scene: Scene;
let program: Program;
let asked: string[] = [];
let held: ServerResponse[] = [];
let isHolding = false;
const server = createServer((request, response) => {
  asked.push(request.url ?? "");
  if (isHolding) held.push(response);
  else response.end(`answer to ${request.url}`);
});

const get = (path: string, fields = ""): string =>
  `GET http://127.0.0.1:${port()}${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;
const gets = (count: number): string[] => Array.from({ length: count }, (_, at) => get(`/${at}`));

function port(): number {
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scene = await Scene.open();
  const REGISTRIES = `http://127.0.0.1:${port()}`;
  program = await scene.start({ REGISTRIES });
}, 60_000);

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await scene.close();
});

function hold(): void {
  asked = [];
  held = [];
  isHolding = true;
}

function release(): void {
  isHolding = false;
  for (const response of held) response.end("late");
}

describe("a client that sends many requests at once", () => {
  it("has ten pipelined ones answered in their order, as apt sends them", async () => {
    const all = [...gets(9), get("/9", "Connection: close\r\n")].join("");
    const answers = await converse(await dial(program.port), all);
    expect(answers.match(/answer to \/\d+/g)).toEqual(
      Array.from({ length: 10 }, (_, at) => `answer to /${at}`),
    );
  });

  it("has three hundred answered when it sends each as the one before is answered", async () => {
    const socket = await dial(program.port);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    for (const [at, one] of gets(300).entries()) {
      socket.write(one);
      if (at >= 8) await eventually(() => expect(text).toContain(`answer to /${at - 8}`));
    }
    await eventually(() => expect(text).toContain("answer to /299"));
    socket.destroy();
  });

  it("has one request sent upstream at a time", async () => {
    hold();
    const socket = await dial(program.port);
    socket.write(gets(10).join(""));
    await eventually(() => expect(asked).toEqual(["/0"]));
    await fetch(`http://127.0.0.1:${program.port}/healthz`);
    expect(asked).toEqual(["/0"]);
    socket.destroy();
    release();
  });

  it("has what was sent upstream for it ended when it leaves", async () => {
    hold();
    const socket = await dial(program.port);
    socket.write(get("/alone"));
    await eventually(() => expect(held).toHaveLength(1));
    socket.destroy();
    await eventually(() => expect(held.every((one) => one.destroyed)).toBe(true));
    release();
  });

  it("gets no tunnel while an answer is on its way", async () => {
    hold();
    const socket = await dial(program.port);
    const answer = converse(
      socket,
      `${get("/first")}CONNECT 127.0.0.1:${port()} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    expect(await answer).toBe("");
    release();
  });

  it("is cut off with four thousand of them, and costs one upstream request", async () => {
    hold();
    const socket = await dial(program.port);
    const cut = new Promise((resolve) => socket.once("close", resolve));
    socket.write(gets(4_000).join(""));
    socket.resume();
    await cut;
    const health = await fetch(`http://127.0.0.1:${program.port}/healthz`);
    expect(health.status).toBe(200);
    expect(asked.length).toBeLessThanOrEqual(1);
    await eventually(() => expect(held.every((one) => one.destroyed)).toBe(true));
    release();
  });
});
