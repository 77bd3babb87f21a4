/** After a day with logins of every kind, no secret stands in logs, files, error bodies or pages. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  status as answering,
  type Fault,
  redirect,
  reset,
} from "../support/fake-registry/fault.ts";
import { type Answer, converse, dial, direct, viaProxy } from "./support/client.ts";
import { secretsIn } from "./support/evil-server.ts";
import { addImage, type Image } from "./support/image.ts";
import { basic, type Login } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const alice: Login = ["alice", "CANARY-alice"];
const pages = ["/", "/readyz", "/healthz", "/ca.crt", "/setup/docker", "/setup/podman", "/none"];

const proxy = { "proxy-authorization": basic(["carol", "CANARY-proxy"]) };

type House = {
  readonly program: Program;
  readonly bearer: NamedRegistry;
  readonly basics: NamedRegistry;
  readonly image: Image;
};

async function openHouse(): Promise<House> {
  const scene = await Scene.open();
  const users = { alice: "CANARY-alice", robot: "CANARY-robot" };
  const bearer = await scene.registry("bearer.test", {
    auth: (origin) => ({ kind: "bearer", realm: `${origin}/token`, users, anonymous: false }),
  });
  const basics = await scene.registry("basic.test", { auth: () => ({ kind: "basic", users }) });
  const image = addImage(bearer.server, "team/app");
  addImage(basics.server, "team/app");
  const program = await scene.start({
    AUTH_REGISTRIES: `${bearer.name}:robot:CANARY-robot ${basics.name}:robot:CANARY-robot gone.test:robot:CANARY-gone`,
    PROXY_AUTH: "carol:CANARY-proxy",
    TOKEN_SECRET: "CANARY-token-secret-of-the-operator",
    MIRROR_ALLOW_CLIENTS: "127.0.0.0/8",
  });
  return { program, bearer, basics, image };
}

/** Whatever clients do with logins, rightly or wrongly; gives all they were told that is no token of theirs. */
async function live({ program, bearer, basics, image }: House): Promise<readonly Answer[]> {
  const told: Answer[] = [];
  const paths = [
    "",
    "team/app/manifests/1",
    `team/app/blobs/${image.layer}`,
    "none/here/tags/list",
  ];
  const door = program;
  const logins = [
    undefined,
    basic(["alice", "CANARY-wrong"]),
    basic(alice),
    "Bearer CANARY-forged",
    "Bearer ept1.CANARY-forged",
    "CANARY-nonsense",
  ];
  for (const { name } of [bearer, basics]) {
    for (const login of logins) {
      const headers = { ...proxy, ...(login === undefined ? {} : { authorization: login }) };
      for (const path of paths) {
        told.push(await viaProxy(door, name, `/v2/${path}`, { headers }));
        told.push(await direct(door, `/v2/${name}/${path}`, { headers }));
      }
      const push = { method: "POST", headers };
      told.push(await viaProxy(door, name, "/v2/team/app/blobs/uploads/", push));
      told.push(
        await viaProxy(door, name, "/v2/x?password=CANARY-query&sig=CANARY-query", { headers }),
      );
    }
  }
  const form = {
    ...{
      method: "POST",
      headers: { ...proxy, "content-type": "application/x-www-form-urlencoded" },
    },
    body: "grant_type=password&service=x&username=alice&password=CANARY-form",
  };
  told.push(await viaProxy(door, bearer.name, "/token", form));
  told.push(await viaProxy(door, "gone.test", "/v2/", { headers: proxy }));
  return told;
}

async function misuse({ program }: House): Promise<readonly string[]> {
  const requests = [
    "GET http://user:CANARY-url@plain.test/ HTTP/1.1\r\nHost: plain.test\r\n\r\n",
    "GET /?token=CANARY-url HTTP/1.1\r\nHost: CANARY-host\r\nHost: x\r\n\r\n",
    "CONNECT user:CANARY-url@x.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    `GET /v2/ HTTP/1.1\r\nHost: x\r\nAuthorization: CANARY-a\r\nTransfer-Encoding: CANARY-t\r\n\r\n`,
  ];
  return Promise.all(requests.map(async (text) => converse(await dial(program.port), text, 4_000)));
}

async function allFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((each) => join(each.parentPath, each.name));
}

/** What the registries do to them, each for a while. */
const troubles: readonly Fault[] = [
  reset(),
  answering(500),
  answering(429),
  answering(403),
  answering(401, { "www-authenticate": 'Basic realm="other"' }),
  redirect("https://gone.test/x?sig=CANARY-signature"),
];

/** Where a redirect leads is the client's to know. */
function texts(told: readonly Answer[]): readonly string[] {
  return told.map(({ headers: { location: _, ...headers }, reason, body }) =>
    [JSON.stringify(headers), reason, body.toString("latin1")].join(" "),
  );
}

describe("secrets", () => {
  it("are nowhere but where they belong", async () => {
    const house = await openHouse();
    const { program, bearer, basics } = house;
    const told = [...(await live(house))];
    for (const trouble of troubles) {
      for (const { server } of [bearer, basics]) server.misbehave({}, trouble);
      told.push(...(await live(house)));
    }
    for (const { server } of [bearer, basics]) await server.close();
    told.push(...(await live(house)));
    const odd = await misuse(house);
    for (const path of pages) told.push(await direct(program, path));
    await program.stop();
    expect(told.length).toBeGreaterThan(500);
    expect(secretsIn([...texts(told), ...odd])).toEqual([]);
    expect(secretsIn(program.lines)).toEqual([]);
    const files = await allFiles(program.dataDir);
    expect(files.some((path) => path.endsWith("records.sqlite"))).toBe(true);
    const contents = await Promise.all(files.map((path) => readFile(path, "latin1")));
    expect(secretsIn(contents)).toEqual([]);
  });
});
