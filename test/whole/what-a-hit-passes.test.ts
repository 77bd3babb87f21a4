/**
 * A hit goes its short way: of what only a miss, a push or a login needs, nothing runs. With
 * `PASSED_FILES=FOLDER` the files that each kind of pull passes are written there.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { listOf, passedFiles } from "./support/passed-files.ts";
import { type Program, Scene } from "./support/program.ts";

type Kind = "blob" | "tag" | "tag-again" | "blob-by-token" | "tag-by-token";

/** What serves misses, pushes and logins. */
const others =
  /^(?:download|upstream\/client|cache\/asking|registry\/push|registry\/hosted|hosted)\/|^upstream\/auth\/(?!credentials\.ts)/;
/** Whose tokens ours stand for. */
const realms = /^upstream\/auth\/(?:authorizer|challenge-memory)\.ts/;

it.each<[string, Kind]>([
  ["a blob", "blob"],
  ["a tag", "tag"],
  ["a tag whose answer is given again", "tag-again"],
  ["a blob by a token of ours", "blob-by-token"],
  ["a tag by a token of ours", "tag-by-token"],
])("a hit of %s passes nothing that only others need", async (_, kind) => {
  const pull = await warm(kind);
  const passed = await passedFiles(pull);
  const folder = process.env.PASSED_FILES;
  if (folder !== undefined) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `warm-${kind}.txt`), listOf(passed));
  }
  const files = [...passed.keys()];
  expect(files).toContain("registry/engine.ts");
  const needed = kind.endsWith("by-token") ? realms : /^$/;
  expect(files.filter((file) => others.test(file) && !needed.test(file))).toEqual([]);
});

/** Pulls what everybody may have and is kept, and waits until that is told. */
async function warm(kind: Kind): Promise<() => Promise<void>> {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("one.test", {
    auth: (origin) =>
      kind.endsWith("by-token")
        ? { kind: "bearer", realm: `${origin}/token`, anonymous: true }
        : { kind: "none" },
  });
  const program = await scene.start({ REGISTRIES: name, TAG_TTL: "1 h" });
  const { repository, layer, tag } = addImage(server, "team/app");
  const manifest = `/v2/${repository}/manifests/${tag}`;
  const path = kind.startsWith("blob") ? `/v2/${repository}/blobs/${layer}` : manifest;
  const token = await authorization(program, name, repository);
  const login = token === undefined ? {} : { authorization: token };
  await viaProxy(program, name, manifest, { headers: { ...login, accept: manifestType } });
  let asked = 0;
  const pull = async (): Promise<string | undefined> => {
    asked += 1;
    // Answers are given again to who accepts the same.
    const accept = kind === "tag-again" ? manifestType : `${manifestType}, a/b${asked}`;
    const before = requestsOf(program).length;
    const { status } = await viaProxy(program, name, path, { headers: { ...login, accept } });
    expect(status).toBe(200);
    return await eventually(() => {
      expect(requestsOf(program).length).toBeGreaterThan(before);
      return requestsOf(program).at(-1);
    });
  };
  await eventually(async () => expect(await pull()).toContain('"cache":"hit"'));
  return async () => expect(await pull()).toContain('"cache":"hit"');
}

function requestsOf({ lines }: Program): string[] {
  return lines.filter((line) => line.includes('"msg":"request"'));
}
