import { describe, expect, it } from "vitest";
import { parseHtpasswd } from "../../src/hosted/htpasswd.ts";
import { Logins } from "../../src/hosted/logins.ts";
import { TestClock } from "../support/test-clock.ts";

const end = "abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyzABCDE";
const argon2 = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM$c29tZWhhc2hzb21laGFzaHNvbWVoYXNo";

function loginsOf(text: string) {
  const checked: string[] = [];
  const logins = new Logins({
    htpasswd: parseHtpasswd(text),
    isRight: async (_password, hash) => checked.push(hash.text) > 0,
    clock: new TestClock(),
  });
  return { logins, checked };
}

describe("who tries names", () => {
  it("learns nothing from the time: a name that is not there costs what one costs that is", async () => {
    for (const hash of [`$2y$05$${end}`, `$2y$12$${end}`, argon2]) {
      const { logins, checked } = loginsOf(`alice:${hash}\n`);
      const wrong = { user: "nobody", password: "CANARY-alice" };
      expect(await logins.verify(wrong, "10.0.0.1")).toBe(false);
      expect(checked).toEqual([hash]);
    }
  });

  it("sees the same name always cost the same, where hashes differ", async () => {
    const { logins, checked } = loginsOf(`a:$2y$05$${end}\nb:$2y$12$${end}\nc:${argon2}\n`);
    for (let count = 0; count < 3; count += 1) {
      await logins.verify({ user: "nobody", password: "CANARY" }, "10.0.0.1");
    }
    expect(new Set(checked).size).toBe(1);
  });

  it("waits where nobody has a login at all, too", async () => {
    const { logins, checked } = loginsOf("# nobody yet\n");
    expect(await logins.verify({ user: "a", password: "CANARY" }, "10.0.0.1")).toBe(false);
    expect(checked).toHaveLength(1);
  });
});
