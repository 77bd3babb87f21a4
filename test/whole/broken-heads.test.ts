/** A registry that breaks a blob off before any of it came. */
import { expect, it, onTestFinished } from "vitest";
import { viaProxy } from "./support/client.ts";
import { evilServer } from "./support/evil-server.ts";
import { Scene } from "./support/program.ts";

it("is answered with 502 and why, and not with a connection that breaks", async () => {
  const scene = await Scene.open();
  const evil = await evilServer(scene, "registry.test");
  onTestFinished(evil.close);
  const program = await scene.start({ REGISTRIES: evil.name });
  let hasBroken = false;
  evil.answer = ({ url = "", socket }, response) => {
    if (url === "/v2/") return void response.writeHead(200).end();
    response.writeHead(200, { "content-length": 1_000_000 }).flushHeaders();
    // The first time later than a head would leave that waits for nothing.
    setTimeout(() => socket.destroy(), hasBroken ? 10 : 400);
    hasBroken = true;
  };
  const path = `/v2/team/app/blobs/sha256:${"a".repeat(64)}`;
  const answer = await viaProxy(program, evil.name, path);
  expect(answer.status).toBe(502);
  expect(answer.body.toString()).toContain("UNAVAILABLE");
});
