import { describe, expect, it } from "vitest";
import { DownloadOrigins } from "../../../src/cache/pull/download-origins.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { manifestAsk } from "../support/house.ts";

const digest = digestOf(Buffer.from("blob"));
const at = (image: string, accessKey = "anonymous") => ({
  ref: manifestAsk(`${image}:1`),
  accessKey,
  generation: 0,
});
const here = at("docker.io/corp/app");
const near = at("docker.io/library/open");
const evil = at("evil.example/corp/app");
const nothing = { byRepository: false, byConfirmation: false };
const byRepository = { byRepository: true, byConfirmation: false };
const byConfirmation = { byRepository: false, byConfirmation: true };

function begun(isGranted: boolean) {
  const running = { is: true };
  const origins = new DownloadOrigins(() => running.is);
  const { origin, mayShare } = origins.enter(digest, here, byRepository);
  expect(mayShare).toBe(false);
  if (isGranted) origins.leave(origin, true);
  return { origins, origin, running };
}

const mayShare = (
  origins: DownloadOrigins,
  asker: typeof here,
  entitlement: typeof nothing,
): boolean => {
  const entered = origins.enter(digest, asker, entitlement);
  origins.leave(entered.origin, false);
  return entered.mayShare;
};

describe("a download that the registry grants", () => {
  it("is shared with those its repository is open to, or whom the registry lets in", () => {
    const { origins } = begun(true);
    expect(mayShare(origins, here, byRepository)).toBe(true);
    expect(mayShare(origins, here, byConfirmation)).toBe(true);
    expect(mayShare(origins, here, nothing)).toBe(false);
  });

  it("is shared with another repository of that registry on its word alone", () => {
    const { origins } = begun(true);
    expect(mayShare(origins, near, byRepository)).toBe(false);
    expect(origins.needsConfirmation(digest, near, true)).toBe(true);
    expect(mayShare(origins, near, byConfirmation)).toBe(true);
  });

  it("is shared with no other registry, whatever that says", () => {
    const { origins } = begun(true);
    expect(origins.needsConfirmation(digest, evil, true)).toBe(false);
    expect(mayShare(origins, evil, { byRepository: true, byConfirmation: true })).toBe(false);
  });

  it("is not shared elsewhere once it has ended, for it can be joined a little longer", () => {
    const { origins, running } = begun(true);
    running.is = false;
    expect(origins.needsConfirmation(digest, near, true)).toBe(false);
    expect(mayShare(origins, near, { byRepository: true, byConfirmation: true })).toBe(false);
    expect(mayShare(origins, near, { byRepository: true, byConfirmation: true })).toBe(false);
  });
});

describe("a download that nobody has granted yet", () => {
  it("is shared with nobody; who asks for the same repository in another name waits for the answer", async () => {
    const { origins, origin } = begun(false);
    for (const asker of [here, near, evil])
      expect(mayShare(origins, asker, { byRepository: true, byConfirmation: true })).toBe(false);
    const second = begun(false);
    const answered = second.origins.firstAnswer(digest, at("docker.io/corp/app", "client:x"));
    expect(second.origins.firstAnswer(digest, here)).toBeUndefined();
    expect(second.origins.firstAnswer(digest, near)).toBeUndefined();
    second.origins.leave(second.origin, true);
    await answered;
    expect(
      second.origins.firstAnswer(digest, at("docker.io/corp/app", "client:x")),
    ).toBeUndefined();
    origins.leave(origin, false);
  });
});
