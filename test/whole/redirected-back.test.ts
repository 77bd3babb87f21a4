/** A registry that sends on for a blob, to a host that sends back to what only a login opens there. */
import { expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, secretsIn } from "./support/evil-server.ts";
import { basic } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const layer = Buffer.from("CANARY-private-layer ".repeat(5_000));
const digest = digestOf(layer);
const alice = basic(["alice", "CANARY-alice"]);
const path = `/v2/x/public/blobs/${digest}`;
const challenge = { "www-authenticate": "Basic realm=r" };

type Scenery = { readonly program: Program; readonly reg: EvilServer };

async function sentBack(
  entryOf: (reg: EvilServer) => Readonly<Record<string, string>>,
  work: (scenery: Scenery) => Promise<void>,
): Promise<void> {
  const scene = await Scene.open();
  const reg = await evilServer(scene, "reg.test");
  const cdn = await evilServer(scene, "cdn.test");
  reg.answer = ({ url, method, headers }, response) => {
    const isAlice = headers.authorization === alice;
    if (url === "/v2/") return void response.writeHead(isAlice ? 200 : 401, challenge).end();
    if (url?.startsWith("/v2/x/public/blobs/") === true)
      return void response.writeHead(307, { location: `https://${cdn.name}/b` }).end();
    if (!isAlice) return void response.writeHead(401, challenge).end();
    response.writeHead(200, { "content-length": layer.length });
    response.end(method === "HEAD" ? undefined : layer);
  };
  const back = `https://${reg.name}/v2/alice/secret/blobs/${digest}`;
  cdn.answer = (_request, response) => void response.writeHead(307, { location: back }).end();
  try {
    const program = await scene.start({ REGISTRIES: `${reg.name} ${cdn.name}`, ...entryOf(reg) });
    await work({ program, reg });
  } finally {
    await scene.close();
    reg.close();
    cdn.close();
  }
}

const withLogin = (reg: EvilServer): readonly string[] =>
  secretsIn(reg.heard.filter((one) => one.includes("/v2/alice/secret/")));

it("a client's login does not open what another host sends back to", async () => {
  await sentBack(
    () => ({}),
    async ({ program, reg }) => {
      const headers = { authorization: alice };
      const hers = await viaProxy(program, reg.name, path, { headers });
      expect(hers.status).not.toBe(200);
      expect(hers.body.includes("CANARY")).toBe(false);
      expect(withLogin(reg)).toEqual([]);
      expect(reg.heard.some((one) => one.includes("/v2/alice/secret/"))).toBe(true);
    },
  );
});

it("the operator's login does not open what another host sends back to", async () => {
  await sentBack(
    (reg) => ({ AUTH_REGISTRIES: `${reg.name}:alice:CANARY-alice` }),
    async ({ program, reg }) => {
      const theirs = await direct(program, `${path}?ns=${reg.name}`);
      expect(theirs.status).not.toBe(200);
      expect(theirs.body.includes("CANARY")).toBe(false);
      expect(withLogin(reg)).toEqual([]);
      expect(reg.heard.some((one) => one.includes("/v2/alice/secret/"))).toBe(true);
    },
  );
});
