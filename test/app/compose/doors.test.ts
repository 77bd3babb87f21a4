import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { composeDoors } from "../../../src/app/compose/doors.ts";
import { composedOver } from "./composed.ts";

async function openDoor(environment: Readonly<Record<string, string>> = {}) {
  const composed = await composedOver({ PORT: "33128", ...environment });
  const doors = await composeDoors({
    ...composed,
    environment: {},
    settings: { ...composed.settings, listen: { ...composed.settings.listen, port: 0 } },
    health: () => ({ phase: "running", degraded: ["the cellar is wet"] }),
    now: Date.now,
  });
  const door = await doors.open();
  onTestFinished(() => door.stop(AbortSignal.abort()));
  const { port } = door.address;
  return { ...composed, doors, port, origin: `http://127.0.0.1:${port}` };
}

describe("the doors", () => {
  it("give the CA away, with the fingerprint that was printed", async () => {
    const { doors, origin } = await openDoor();
    const answer = await fetch(`${origin}/ca.crt`);
    expect(await answer.text()).toBe(doors.authority.root);
    expect(answer.headers.get("x-ca-fingerprint-sha256")).toBe(doors.authority.fingerprint);
  });

  it("say what keeps the program from doing its job well", async () => {
    const { origin } = await openDoor();
    expect(await (await fetch(`${origin}/readyz`)).json()).toEqual({
      status: "degraded",
      reasons: ["the cellar is wet"],
    });
  });

  it("mirror the default registry", async () => {
    const { registry, origin } = await openDoor();
    const digest = registry.addBlob(Buffer.from("mirrored"));
    const answer = await fetch(`${origin}/v2/team/app/blobs/${digest}`);
    expect(await answer.text()).toBe("mirrored");
  });

  it("refuse a CONNECT in its reason phrase", async () => {
    const { port } = await openDoor();
    const socket = connect(port, "127.0.0.1");
    socket.write("CONNECT 169.254.169.254:443 HTTP/1.1\r\nHost: 169.254.169.254:443\r\n\r\n");
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toMatch(
      /^HTTP\/1\.1 403 169\.254\.169\.254 is .*UPSTREAM_ALLOW_ADDRESSES/,
    );
    socket.destroy();
  });
});

describe("the set-up scripts", () => {
  it("are for the registries that were named too, and know which speak plain HTTP", async () => {
    const { origin } = await openDoor({ REGISTRIES: "reg.lan:5000 http://plain.lan *.wild.lan" });
    const script = await (await fetch(`${origin}/setup/containerd`)).text();
    expect(script).toContain(
      "\nreg.lan:5000 https://reg.lan:5000\nplain.lan http://plain.lan\nEND",
    );
  });
});
