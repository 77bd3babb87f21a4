/**
 * A whole pull of what nobody has goes its short way: of what only ranges, crowds, redirects, new
 * connections or a broken-off download need, nothing runs. With `PASSED_FILES=FOLDER` the files that it
 * passes are written there.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { listOf, passedFiles } from "./support/passed-files.ts";
import { Scene } from "./support/program.ts";

const others = new RegExp(
  [
    "^download/(?:alone|archive|detached|front-limits|own-|passing-bytes|shared-reads|verifying|window)",
    "^upstream/(?:location|client/redirects|auth/client-tokens|auth/basic-logins)",
    "^upstream/net/(?:dial|destination|happy-eyeballs|corporate-proxy|proxy-tunnel|followed-exchange)",
    "^store/(?:archiving|s3|redis|postgres|disk/partial-map)",
    "^registry/(?:push|hosted)/",
    "^hosted/",
  ].join("|"),
);

it("a miss of a whole blob passes nothing that only other pulls need", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("one.test");
  const program = await scene.start({ REGISTRIES: name, TAG_TTL: "1 h" });
  const images = Array.from({ length: 6 }, (_, index) => addImage(server, `team/app${index}`));
  for (const { repository, tag } of images) {
    const path = `/v2/${repository}/manifests/${tag}`;
    await viaProxy(program, name, path, { headers: { accept: manifestType } });
  }
  const linesOf = (what: string): number =>
    program.lines.filter((line) => line.includes(`"msg":"${what}"`)).length;
  const told = (): number => linesOf("request");
  const kept = (): number => linesOf("kept a blob");
  const pull = async (): Promise<void> => {
    const image = images.pop();
    const path = `/v2/${image?.repository}/blobs/${image?.layer}`;
    const [before, keptBefore] = [told(), kept()];
    expect((await viaProxy(program, name, path)).headers["cache-status"]).toContain("fwd=miss");
    await eventually(() => expect([told(), kept()]).toEqual([before + 1, keptBefore + 1]));
  };
  await eventually(() => expect([told(), kept()]).toEqual([images.length, images.length]));
  await pull();
  const passed = await passedFiles(pull);
  const folder = process.env.PASSED_FILES;
  if (folder !== undefined) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "cold-blob.txt"), listOf(passed));
  }
  const files = [...passed.keys()];
  expect(files).toContain("download/download.ts");
  expect(files.filter((file) => others.test(file))).toEqual([]);
});
