import { createPublicKey, X509Certificate } from "node:crypto";
import { chmod, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DoorError } from "../../../../src/doors/door-error.ts";
import { type AuthorityOptions, openAuthority } from "../../../../src/doors/proxy/authority/ca.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";

const day = 86_400_000;
const now = () => Date.now();

describe("the CA made on the first start", () => {
  it("is an EC root that may sign leaves and nothing else", async () => {
    const folder = join(await temporaryFolder(), "ca");
    const authority = await openAuthority({ folder, now });
    const root = new X509Certificate(authority.root);
    expect(root.ca).toBe(true);
    expect(root.checkIssued(root)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(root.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(3 * 365 * day);
    expect(authority.fingerprint).toBe(root.fingerprint256);
    expect(authority.chain).toBe("");
  });

  it("keeps its key for its owner's eyes, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      const folder = join(await temporaryFolder(), "ca");
      await openAuthority({ folder, now });
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
      expect((await stat(join(folder, "ca.key"))).mode & 0o777).toBe(0o600);
      expect((await readdir(folder)).sort()).toEqual(["ca.crt", "ca.key"]);
    } finally {
      process.umask(umask);
    }
  });

  it("is the same after a restart, also when the first start stopped between the two files", async () => {
    const folder = await temporaryFolder();
    const first = await openAuthority({ folder, now });
    expect((await openAuthority({ folder, now })).fingerprint).toBe(first.fingerprint);
    await rm(join(folder, "ca.crt"));
    const third = await openAuthority({ folder, now });
    expect(createPublicKey(third.key).equals(createPublicKey(first.key))).toBe(true);
  });

  it("is refused when others can read the key", async () => {
    const folder = await temporaryFolder();
    await openAuthority({ folder, now });
    await chmod(join(folder, "ca.key"), 0o640);
    await expectDoorError({ folder, now }, "KEY_EXPOSED", /mode 640.*chmod 600/);
  });

  it("is refused once it has expired", async () => {
    const folder = await temporaryFolder();
    await openAuthority({ folder, now });
    const later = () => Date.now() + 4 * 365 * day;
    await expectDoorError({ folder, now: later }, "CERTIFICATE", /has expired/);
  });
});

async function expectDoorError(
  options: AuthorityOptions,
  code: DoorError["code"],
  message: RegExp,
): Promise<void> {
  const error = await openAuthority(options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DoorError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
}
