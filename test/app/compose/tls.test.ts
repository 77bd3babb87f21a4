import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { composeDoors } from "../../../src/app/compose/doors.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { composedOver } from "./composed.ts";

describe("the TLS listener", () => {
  it("serves mirror and front page with a leaf of the CA when nothing else was given", async () => {
    const { registry, doors, get: fetchFrom, tls } = await open({});
    const digest = registry.addBlob(Buffer.from("mirrored"));
    const { root } = doors.authority;
    expect(await fetchFrom(`/v2/team/app/blobs/${digest}`, root)).toBe("mirrored");
    expect(await fetchFrom("/ca.crt", root)).toBe(root);
    expect(tls?.listening).toMatchObject({ door: "tls", host: "127.0.0.1" });
  });

  it("serves the operator's own certificate", async () => {
    const folder = await temporaryFolder();
    const { cert, key, ca } = makeCertificate(["mirror.example.com"]);
    await writeFile(join(folder, "cert.pem"), cert);
    await writeFile(join(folder, "key.pem"), key);
    const { get: fetchFrom } = await open({ TLS_CERT: folder });
    expect(await fetchFrom("/healthz", ca)).toBe("ok\n");
  });

  it("is not there without TLS_PORT", async () => {
    const { tls } = await open({ TLS_PORT: "" });
    expect(tls).toBeUndefined();
  });
});

async function open(environment: Readonly<Record<string, string>>) {
  const composed = await composedOver({ HOST: "127.0.0.1", TLS_PORT: "1", ...environment });
  const { listen } = composed.settings;
  // The settings know no port 0.
  const tlsPort = listen.tlsPort === undefined ? undefined : 0;
  const doors = await composeDoors({
    ...composed,
    environment: {},
    settings: { ...composed.settings, listen: { ...listen, tlsPort } },
    health: () => ({ phase: "running", degraded: [] }),
    now: Date.now,
  });
  const tls = await doors.openTls();
  onTestFinished(() => tls?.stop(AbortSignal.abort()));
  const fetchFrom = async (path: string, ca: string): Promise<string> => {
    const servername = "mirror.example.com";
    const request = get({
      host: "127.0.0.1",
      port: tls?.listening.port,
      path,
      servername,
      ca,
      agent: false,
    });
    const [response] = await once(request, "response");
    let body = "";
    for await (const piece of response.setEncoding("utf8")) body += piece;
    return body;
  };
  return { ...composed, doors, tls, get: fetchFrom };
}
