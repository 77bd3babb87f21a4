import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openAcme } from "../../../src/app/compose/acme.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { keptLog, settingsWith } from "./composing.ts";

async function open(environment: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const service = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    service.close();
    service.closeAllConnections();
  });
  const { port } = service.address() as AddressInfo;
  const settings = await settingsWith({
    ...{ HOST: "127.0.0.1", TLS_PORT: "8443", ACME_DOMAINS: "a.example.com" },
    ACME_DIRECTORY: `http://127.0.0.1:${port}/directory`,
    ...environment,
  });
  const { log, lines } = keptLog();
  const acme = await openAcme({ settings, listen: { sockets: {} }, environment: {}, log });
  onTestFinished(() => acme.close());
  return { acme, asked, lines };
}

const byCommand = { ACME_CHALLENGE: "dns-01", ACME_DNS_PROVIDER: "x" };

describe("certificates from an ACME service", () => {
  it.each([
    ["a command", { ACME_DNS_PROVIDER: "/usr/bin/hook" }],
    ["Cloudflare", { ACME_DNS_PROVIDER: "cloudflare", CLOUDFLARE_API_TOKEN: "CANARY-token" }],
  ])("are ordered at once, and trouble is told of: dns-01 by %s", async (_what, provider) => {
    const { acme, asked, lines } = await open({ ACME_CHALLENGE: "dns-01", ...provider });
    await eventually(() =>
      lines.some((line) => JSON.stringify(line).includes("no new certificate")),
    );
    expect(asked).toContain("/directory");
    expect(acme.pairs()).toEqual([]);
  });

  it("need a file of their own authority that holds one", async () => {
    const file = join(await temporaryFolder(), "ca.pem");
    await writeFile(file, "junk");
    const opening = open({ ...byCommand, ACME_CA: file });
    await expect(opening).rejects.toThrow(
      `ACME_CA names ${file}, which holds no certificate; write the path of a PEM file`,
    );
  });

  it("need an address that can be asked", async () => {
    const opening = open({ ...byCommand, ACME_DIRECTORY: "nonsense" });
    await expect(opening).rejects.toThrow(/ACME_DIRECTORY is "nonsense".*https:\/\//);
  });

  it("need their own authority to be there", async () => {
    const opening = open({ ...byCommand, ACME_CA: "/no/ca.pem" });
    await expect(opening).rejects.toThrow("ACME_CA names /no/ca.pem, which cannot be read");
  });
});
