import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { lookAtArchive } from "../../../src/app/commands/doctor/archive.ts";
import { FakeS3 } from "../../support/fake-s3.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { load } from "../settings/loading.ts";

async function seen(store: Readonly<Record<string, string>>) {
  const DATA_DIR = join(await temporaryFolder(), "data");
  const { settings } = await load({ environment: { DATA_DIR, ...store } });
  const findings = await lookAtArchive({
    ...{ settings, secretFiles: new Map(), environment: {}, now: Date.now, lookup: undefined },
    ...{ server: undefined, mayAsk: true, signal: AbortSignal.timeout(20_000) },
  });
  expect(JSON.stringify(findings)).not.toContain("CANARY");
  return findings.map(({ mark, what, mend = "" }) => [mark, what, mend]);
}

it("the doctor says of a bucket whether it is reached and keeps what is put there, and leaves nothing in it", async () => {
  expect(await seen({ STORE: "disk" })).toEqual([]);
  const s3 = await FakeS3.start();
  onTestFinished(() => s3.stop());
  const store = {
    STORE: `s3://images/entrepot?endpoint=http://127.0.0.1:${s3.port}`,
    ...{ S3_ACCESS_KEY: "entrepot", S3_SECRET_KEY: "CANARY-s3" },
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
  };
  expect(await seen(store)).toEqual([
    ["well", `s3://images/entrepot at http://127.0.0.1:${s3.port} keeps blobs`, ""],
  ]);
  expect(s3.objects.size).toBe(0);
  s3.misbehave = () => ({ kind: "status", status: 403, code: "AccessDenied" });
  expect(await seen(store)).toEqual([
    ["wrong", expect.stringContaining("failed to"), expect.stringContaining("S3_ACCESS_KEY")],
  ]);
});
