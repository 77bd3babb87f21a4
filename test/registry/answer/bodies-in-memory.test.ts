import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { HeldBytes } from "../../../src/runtime/held-bytes.ts";
import { eventually } from "../../support/eventually.ts";
import { startRig, upstreamAnswer } from "../rig.ts";

const MiB = 1024 * 1024;

it("of a crowd that takes nothing the one with most loses what he began first, and nobody else does", async () => {
  const held = new HeldBytes(64 * MiB);
  const lost: string[] = [];
  const { promise: never, resolve: end } = Promise.withResolvers<void>();
  const begin = (client: string, name: string, bytes: number) => {
    const giveUp = (): void => void lost.push(name);
    return held.during(client, { bytes, giveUp }, () => never);
  };
  const running = [begin("other", "his only one", 4 * MiB)];
  for (let index = 0; index < 17; index += 1)
    running.push(begin("crowd", `crowd ${index}`, 4 * MiB));
  expect(lost).toEqual(["crowd 0", "crowd 1"]);
  running.push(begin("other", "small", 64 * 1024));
  expect(lost).toHaveLength(2);
  end();
  await Promise.all(running);
  // All of them are through: there is room for as much again.
  const again = Array.from({ length: 16 }, () => begin("crowd", "again", 4 * MiB));
  await Promise.all(again);
  expect(lost).toHaveLength(2);
});

it("a client that takes no list of many is cut off once others' lists need the memory", async () => {
  const body = Buffer.alloc(40 * MiB, " ");
  const rig = await startRig({
    send: async () => upstreamAnswer(200, { "content-type": "application/json" }, body),
  });
  const ask = () => {
    const socket = connect(rig.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write("GET /v2/a/b/tags/list HTTP/1.1\r\nHost: x\r\n\r\n");
    return once(socket, "readable");
  };
  await ask();
  await ask();
  await eventually(() => expect(rig.events).toMatchObject([{ end: "cut", status: 200 }]));
});
