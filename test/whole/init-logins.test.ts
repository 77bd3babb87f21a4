/** init tries each login where it will be used, and asks again for one that is refused. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Asker, nobody } from "../../src/app/commands/init/asker.ts";
import { init } from "../../src/app/commands/init/init.ts";
import { makeAuthority } from "../support/certificates.ts";
import { type FakeRegistry, startFakeRegistry } from "../support/fake-registry.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const authority = makeAuthority();
let registry: FakeRegistry;
let strange: FakeRegistry;
let ca: string;

beforeAll(async () => {
  ca = join(await temporaryFolder(), "ca.pem");
  await writeFile(ca, authority.ca);
  const auth = { kind: "basic" as const, users: { alice: "CANARY-right" } };
  registry = await startFakeRegistry({ tls: authority.issue(["reg.test"]), auth });
  strange = await startFakeRegistry({
    tls: authority.issue(["odd.test"]),
    auth: { kind: "bearer", realm: "https://tokens.elsewhere.test/token", users: {} },
  });
});
afterAll(async () => {
  await registry.close();
  await strange.close();
});

const lookup = async (host: string) => {
  if (host.endsWith(".test")) return [{ address: "127.0.0.1", family: 4 as const }];
  throw Object.assign(new Error("no answer"), { code: "EAI_AGAIN" });
};

/** Answers by a word of the question, each once. */
function person(answers: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const told: string[] = [];
  const left = new Map(Object.entries(answers));
  const answer = (question: string): string | undefined => {
    asked.push(question);
    const word = [...left.keys()].find((each) => question.includes(each)) ?? "";
    const given = left.get(word);
    left.delete(word);
    return given;
  };
  const asker: Asker = {
    ...nobody,
    isPerson: true,
    tell: (sentence) => void told.push(sentence),
    text: async (question, usual) => answer(question) ?? usual,
    secret: async (question) => answer(question) ?? "",
    confirm: async (question) => answer(question) === "yes",
  };
  return { asker, asked, told };
}

async function from(login: string, asked: Asker | undefined, environment = {}) {
  const folder = await temporaryFolder();
  const file = join(folder, "old.env");
  const [host = ""] = login.split(":", 1);
  const port = host === "reg.test" ? registry.address.port : strange.address.port;
  await writeFile(
    file,
    `REGISTRIES=${host}:${port}\nAUTH_REGISTRIES=${login.replace(host, `${host}:${port}`)}\n`,
  );
  const lines: string[] = [];
  const output = join(folder, "entrepot.yaml");
  const ask = { from: file, output, isYes: asked === undefined, isTerminal: false };
  const live = {
    environment: { UPSTREAM_CA: ca, UPSTREAM_ALLOW_ADDRESSES: "127.0.0.1", ...environment },
    lookup,
  };
  await init({ ...ask, live, print: (line) => void lines.push(line) }, asked);
  const settings = parse(await readFile(output, "utf8")) as Record<string, unknown>;
  const logins = await readFile(join(folder, "entrepot.logins.json"), "utf8");
  const { auths } = JSON.parse(logins) as { auths: Record<string, { auth: string }> };
  const kept = Object.values(auths).map(({ auth }) => Buffer.from(auth, "base64").toString());
  expect(lines.join("\n")).not.toContain("CANARY");
  return { said: lines.join("\n"), settings, kept, port };
}

describe("a login in init", () => {
  it("that works is told of and kept", async () => {
    const { asker, told } = person({});
    const { kept, port } = await from("reg.test:alice:CANARY-right", asker);
    expect(told).toEqual([`The login of alice works at reg.test:${port}.`]);
    expect(kept).toEqual(["alice:CANARY-right"]);
  });

  it("that is refused is asked for again", async () => {
    const { asker, told } = person({ "Write it again": "yes", Password: "CANARY-right" });
    const { kept, said } = await from("reg.test:alice:CANARY-wrong", asker);
    expect(kept).toEqual(["alice:CANARY-right"]);
    expect(told.join()).toContain("works at");
    expect(said).not.toContain("refuses");
  });

  it("that is refused is warned of where nobody can be asked", async () => {
    const { said, kept } = await from("reg.test:alice:CANARY-wrong", undefined);
    expect(said).toMatch(/reg\.test:\d+ refuses the login of alice; until it is mended/);
    expect(kept).toEqual(["alice:CANARY-wrong"]);
  });

  it("goes to another host only when somebody says so", async () => {
    const meant = person({ "May its login go there": "yes" });
    const { settings, port } = await from("odd.test:bob:CANARY-b", meant.asker);
    expect(settings.auth_realms).toEqual([`odd.test:${port}=tokens.elsewhere.test`]);
    const alone = await from("odd.test:bob:CANARY-b", undefined);
    expect(alone.settings).not.toHaveProperty("auth_realms");
    expect(alone.said).toContain(`AUTH_REALMS="odd.test:${port}=tokens.elsewhere.test"`);
  });

  it("cannot be tried past a certificate that nothing trusts, until somebody says whose it is", async () => {
    const { asker, told } = person({ "Which file has its CA": ca });
    const { settings } = await from("reg.test:alice:CANARY-right", asker, { UPSTREAM_CA: "" });
    expect(settings.upstream_ca).toEqual([ca]);
    expect(told.join()).toContain("works at");
    const alone = await from("reg.test:alice:CANARY-right", undefined, { UPSTREAM_CA: "" });
    expect(alone.said).toMatch(/the login of reg\.test:\d+ could not be tried: /);
  });
});
