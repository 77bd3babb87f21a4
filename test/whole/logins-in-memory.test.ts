/** What stays of clients' logins in the program's memory: nothing that anybody who reads it could use. */
import { getHeapSnapshot, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { Scene } from "./support/program.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** As Basic prints a login that starts with CANARY-; no text that looks for one is one. */
const printed = /Q0FOQVJZL[\w+/=]{40,}/;

/** Whether any string of this process has one in it, once what nobody needs is gone. */
async function isInMemory(): Promise<boolean> {
  collect();
  let [isThere, end] = [false, ""];
  for await (const piece of getHeapSnapshot()) {
    const text = end + String(piece);
    isThere ||= printed.test(text);
    end = text.slice(-200);
  }
  return isThere;
}

it("a login with which a tag was asked for again and again is not kept in plain", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  addImage(server, "team/app");
  const program = await scene.start({ REGISTRIES: name, TAG_TTL: "10 s" });
  const pull = async (authorization: string): Promise<number> => {
    const headers = { accept: manifestType, authorization };
    return (await viaProxy(program, name, "/v2/team/app/manifests/1", { headers })).status;
  };
  const login = (): string => `Basic ${btoa(`CANARY-${"u".repeat(40)}:x`)}`;
  for (let times = 0; times < 5; times += 1) expect(await pull(login())).toBe(200);
  const held = [login()];
  expect(await isInMemory()).toBe(true);
  held.splice(0);
  // What Node and the registry, which is in this process too, know of the last request on a connection.
  server.requests.splice(0);
  await server.close();
  await eventually(async () => !(await isInMemory()), { withinMs: 60_000 });
}, 120_000);
