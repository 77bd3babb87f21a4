import { chmod, chown, lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TakingOver, userOf } from "../../src/app/taking-over.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const user = { uid: 65_532, gid: 65_532 };

async function tree(files: readonly string[]): Promise<string> {
  const root = await temporaryFolder();
  for (const file of files) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), "");
  }
  return root;
}

const ownerOf = async (...path: readonly string[]): Promise<number> =>
  (await lstat(join(...path))).uid;

describe.skipIf(process.getuid?.() !== 0)("a container's start as root", () => {
  it("takes over what is ours in DATA_DIR, and leaves and names what others put there", async () => {
    const root = await tree(["data/VERSION", "data/blobs/sha256/ab/ab12.3", "data/notes.txt"]);
    const data = join(root, "data");
    await writeFile(join(data, "VERSION"), "2\n");
    const taking = new TakingOver(user);
    await taking.takeDataFolder(data);
    for (const ours of [".", "VERSION", "blobs", "blobs/sha256/ab/ab12.3"])
      expect([ours, await ownerOf(data, ours)]).toEqual([ours, user.uid]);
    expect(await ownerOf(data, "notes.txt")).toBe(0);
    expect(await ownerOf(root)).toBe(0);
    expect(taking.said().at(-1)).toMatch(/notes\.txt is not ours and was left as it is$/);
  });

  it("gives away nothing that a link in DATA_DIR points to", async () => {
    const root = await tree(["data/VERSION", "data/blobs/x", "secret", "outside/file"]);
    const data = join(root, "data");
    await writeFile(join(data, "VERSION"), "2\n");
    await symlink(join(root, "secret"), join(data, "blobs/link"));
    await symlink(join(root, "outside"), join(data, "partial"));
    await new TakingOver(user).takeDataFolder(data);
    expect(await ownerOf(data, "blobs/link")).toBe(user.uid);
    for (const others of ["secret", "outside", "outside/file"])
      expect([others, await ownerOf(root, others)]).toEqual([others, 0]);
  });

  it("refuses a folder of somebody else's before anything of it changes hands", async () => {
    const root = await tree(["home/letters.txt", "home/ca"]);
    const taking = new TakingOver(user);
    await expect(taking.takeDataFolder(join(root, "home"))).rejects.toThrow(/letters\.txt/);
    for (const theirs of ["home", "home/ca"]) expect(await ownerOf(root, theirs)).toBe(0);
  });

  it("opens the way to a key that only root may read, and leaves one of another user's", async () => {
    const root = await tree(["private/key.pem", "private/cert.pem", "private/theirs.pem"]);
    const at = (name: string) => join(root, "private", name);
    await chmod(root, 0o755);
    await chmod(join(root, "private"), 0o700);
    await chmod(at("cert.pem"), 0o644);
    await chmod(at("key.pem"), 0o600);
    await chmod(at("theirs.pem"), 0o600);
    await chown(at("theirs.pem"), 1_000, 1_000);
    const taking = new TakingOver(user);
    for (const name of ["key.pem", "cert.pem", "theirs.pem", "none.pem"])
      await taking.takeFile(at(name));
    const owners = await Promise.all(
      [join(root, "private"), ...["key.pem", "cert.pem", "theirs.pem"].map(at)].map((path) =>
        ownerOf(path),
      ),
    );
    expect(owners).toEqual([user.uid, user.uid, 0, 1_000]);
    expect(taking.said().at(-1)).toMatch(/theirs\.pem belongs to user 1000 and was left to them$/);
  });

  it("is for whom PUID and PGID name, the folder's owner, or nobody's number", async () => {
    const root = await tree(["data/x"]);
    const data = join(root, "data");
    expect(await userOf({}, data)).toEqual(user);
    expect(await userOf({ PUID: "99" }, data)).toEqual({ uid: 99, gid: 99 });
    expect(await userOf({ PUID: "99", PGID: "100" }, data)).toEqual({ uid: 99, gid: 100 });
    await chown(root, 101, 102);
    // One that is yet to be made in a folder of theirs.
    expect(await userOf({}, join(root, "new"))).toEqual({ uid: 101, gid: 102 });
    await chown(data, 1_026, 0);
    expect(await userOf({}, data)).toEqual({ uid: 1_026, gid: 1_026 });
  });

  it.each(["0", "root", "-1", "1.5", "4294967295"])("is not for PUID=%s", async (PUID) => {
    await expect(userOf({ PUID }, "/data")).rejects.toThrow(/^PUID is .*; write a number/);
  });
});
