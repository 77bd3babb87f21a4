import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { startEntrepot } from "../support/entrepot.ts";
import { hasProgram } from "../support/journey.ts";
import { seededBytes, sha256 } from "./support/seeded.ts";

/** What happens in a call that the journey looks for, in one word. */
const steps: readonly (readonly [string, RegExp])[] = [
  ["bytes", /f(?:data)?sync\(\d+<[^>]*\/(?:uploads\/[^>]*\.upload|blobs\/sha256\/\w\w\/\w+\.\d+)>/],
  ["named", /rename[^(]*\([^)]*\/uploads\/[^)]*\/blobs\/sha256\//],
  ["name", /f(?:data)?sync\(\d+<[^>]*\/blobs\/sha256\/\w\w>/],
  ["record", /f(?:data)?sync\(\d+<[^>]*\/hosted\.sqlite-wal>/],
  ["201", /HTTP\/1\.1 201 Created/],
];

function stepsIn(trace: string): readonly string[] {
  return trace
    .split("\n")
    .flatMap((line) => steps.filter(([, form]) => form.test(line)).map(([name]) => name));
}

describe.skipIf(!hasProgram("strace"))("what is acknowledged to a push", () => {
  it("is on the platter before: its bytes, then its name, then its record, and only then 201", async () => {
    const folder = await temporaryFolder();
    const trace = join(folder, "trace");
    const calls = "trace=fsync,fdatasync,rename,renameat,renameat2,write,writev,sendto,sendmsg";
    const strace = ["strace", "-D", "-f", "-y", "-s", "100", "-e", calls, "-o", trace];
    const env = { HOSTED_HOSTS: "127.0.0.1", HOSTED_ANONYMOUS_PUSH: "true" };
    const entrepot = await startEntrepot(folder, env, strace);
    const base = `${entrepot.proxy}/v2/team/app`;
    const [config, layer] = [Buffer.from("{}"), seededBytes("layer", 300_000)];
    const type = "application/vnd.oci.image.manifest.v1+json";
    const about = (bytes: Buffer) => ({ digest: sha256(bytes), size: bytes.length });
    const manifest = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: type },
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...about(config) },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...about(layer) }],
    });
    for (const bytes of [config, layer]) {
      const url = `${base}/blobs/uploads/?digest=${sha256(bytes)}`;
      const pushed = await fetch(url, { method: "POST", body: new Uint8Array(bytes) });
      expect(pushed.status).toBe(201);
    }
    const headers = { "content-type": type };
    const put = await fetch(`${base}/manifests/1`, { method: "PUT", body: manifest, headers });
    expect(put.status).toBe(201);
    await entrepot.stop();

    const all = stepsIn(await readFile(trace, "utf8"))
      .join(" ")
      .split("201");
    expect(all).toHaveLength(4);
    for (const before of all.slice(0, 3)) {
      const [bytes, named, name, record] = ["bytes", "named", "name", "record"].map((step) =>
        before.split(" ").indexOf(step),
      );
      expect([bytes, named, name, record], before).not.toContain(-1);
      expect(bytes, before).toBeLessThan(named ?? -1);
      expect(named, before).toBeLessThan(name ?? -1);
      expect(name, before).toBeLessThan(before.split(" ").lastIndexOf("record"));
    }
  });
});
