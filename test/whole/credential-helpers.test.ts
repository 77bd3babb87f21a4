/** Logins that expire, from a helper as Amazon's ECR has one: `docker-credential-ecr-login`. */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Answer, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { authorization, basic } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const hour = 3_600_000;

let scene: Scene;
let program: Program;
let registry: EvilServer;
/** What ECR takes at the moment. */
let good: string;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await evilServer(scene, "1.dkr.ecr.test");
  good = "CANARY-1";
  await helperSays("CANARY-1");
  const script = `#!/bin/sh\ncd '${scene.folder}' && echo "$(cat)" >> asked && cat answer\n`;
  await mkdir(join(scene.folder, "bin"));
  const helper = join(scene.folder, "bin", "docker-credential-ecr-login");
  await writeFile(helper, script);
  await chmod(helper, 0o755);
  vi.stubEnv("PATH", `${join(scene.folder, "bin")}${delimiter}/usr/bin${delimiter}/bin`);
  const config = join(scene.folder, "config.json");
  await writeFile(config, JSON.stringify({ credHelpers: { [registry.name]: "ecr-login" } }));
  // ECR answers 401 to nobody, and 403 to a token that has expired.
  registry.answer = ({ headers, url }, response) => {
    const isIn = headers.authorization === basic(["AWS", good]);
    const refusal = headers.authorization === undefined ? 401 : 403;
    const status = url === "/v2/" ? 200 : 404;
    response.writeHead(isIn ? status : refusal, {
      "www-authenticate": 'Basic realm="https://1.dkr.ecr.test/",service="ecr.amazonaws.com"',
    });
    response.end();
  };
  program = await scene.start({ REGISTRIES: registry.name, DOCKER_CONFIG: config });
});

afterEach(() => vi.unstubAllEnvs());

const helperSays = (secret: string, more: object = {}) =>
  writeFile(
    join(scene.folder, "answer"),
    JSON.stringify({ ServerURL: registry.name, Username: "AWS", Secret: secret, ...more }),
  );

const asked = async () =>
  (await readFile(join(scene.folder, "asked"), "utf8")).split("\n").filter((line) => line !== "");

/** 404 is as good as any: it is what ECR says to who is in. */
async function ask(repository = "app"): Promise<Answer> {
  const token = await authorization(program, registry.name, repository);
  const headers = { authorization: token ?? "" };
  return viaProxy(program, registry.name, `/v2/${repository}/tags/list`, { headers });
}

const sent = () =>
  registry.heard
    .filter((one) => one.includes("/tags/list"))
    .map((one) => Buffer.from(/Basic (\S+)/.exec(one)?.[1] ?? "", "base64").toString());

describe("a login of 12 hours", () => {
  it("that has expired costs one question to the helper and one more request each", async () => {
    expect((await ask()).status).toBe(404);
    good = "CANARY-2";
    await helperSays("CANARY-2");
    scene.aheadMs += 60_000;
    registry.heard.length = 0;
    const answers = await Promise.all(Array.from({ length: 10 }, (_, nth) => ask(`app-${nth}`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(404));
    expect(await asked()).toEqual([registry.name, registry.name]);
    const tried = (login: string) => sent().filter((one) => one === login).length;
    expect(tried("AWS:CANARY-1")).toBeLessThanOrEqual(10);
    expect(tried("AWS:CANARY-2")).toBe(10);
    expect((await ask()).status).toBe(404);
    expect(sent().at(-1)).toBe("AWS:CANARY-2");
  });

  it("is renewed before it expires, so that nothing is ever refused", async () => {
    const { now } = Date;
    for (let hours = 0; hours < 26; hours += 0.5) {
      const nth = Math.floor(hours / 12) + 1;
      good = `CANARY-${nth}`;
      await helperSays(good, {
        ExpiresAt: new Date(now() + scene.aheadMs + hour / 4).toISOString(),
      });
      expect((await ask()).status).toBe(404);
      scene.aheadMs += hour / 2;
    }
    expect(sent()).not.toContain("");
    expect(new Set(sent())).toEqual(new Set(["AWS:CANARY-1", "AWS:CANARY-2", "AWS:CANARY-3"]));
    expect(registry.heard.filter((one) => one.includes("/tags/list"))).toHaveLength(52);
  });
});
