import { execFileSync } from "node:child_process";
import { lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { digestHex, digestOf } from "../../../src/protocol/digest.ts";
import { CarriedBlobs } from "../../../src/store/disk/carried-blobs.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const bytes = Buffer.from("a layer");
const digest = digestOf(bytes);

async function backup() {
  const folder = await temporaryFolder();
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  await mkdir(join(to, "blobs"), { recursive: true });
  const name = join("blobs/sha256", digestHex(digest).slice(0, 2), `${digestHex(digest)}.7`);
  await mkdir(dirname(join(from, name)), { recursive: true });
  return {
    folder,
    from: join(from, name),
    to: join(to, name),
    carried: new CarriedBlobs(from, to),
  };
}

it("takes a file over as it is", async () => {
  const { from, carried } = await backup();
  await writeFile(from, bytes);
  expect(await carried.carry(digest)).toEqual({ how: "linked", size: 7 });
});

it.each([
  // Whoever owns what it leads to could put other bytes there later.
  [
    "a link",
    async (path: string, folder: string) => {
      await writeFile(join(folder, "elsewhere"), bytes);
      await symlink(join(folder, "elsewhere"), path);
    },
  ],
  ["a link to a device without end", (path: string) => symlink("/dev/zero", path)],
  ["a pipe that nobody writes to", async (path: string) => void execFileSync("mkfifo", [path])],
  ["a longer file", (path: string) => writeFile(path, `${bytes}, and more`)],
])("takes %s in the place of a blob for a damaged one, and goes on", async (_what, plant) => {
  const { folder, from, to, carried } = await backup();
  await plant(from, folder);
  expect(await carried.carry(digest)).toEqual({ how: "damaged", size: 7 });
  await expect(lstat(to)).rejects.toMatchObject({ code: "ENOENT" });
});
