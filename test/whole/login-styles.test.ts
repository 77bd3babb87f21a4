/**
 * How registries log people in, who asks them, and through which door: what comes of it, whom registry
 * and token service saw, and that nothing of the operator's reaches a client.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { secretsIn } from "./support/evil-server.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { basic, type Login, logIn } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

type Style = {
  readonly operator: Login;
  /** Where tokens are given, and for which service. None: Basic. */
  readonly tokens?: readonly [path: string, service: string];
  /** Of the token service, when that is not the registry itself. */
  readonly tokenHost?: string;
  /** Whose host AUTH_REGISTRIES names (default: the registry's). */
  readonly entry?: "token host";
  readonly isLoginByForm?: boolean;
  readonly hasSessions?: boolean;
  readonly hasNothingPublic?: boolean;
};

const longToken = `CANARY${randomBytes(1_800).toString("base64")}`;
const googleKey = JSON.stringify(
  { type: "x", key: "--\nCANARY +/=: %\n", "a: b": ["é", ";"] },
  null,
  1,
);

const styles: Readonly<Record<string, Style>> = {
  "Docker Hub": {
    operator: ["owner", "CANARY-hub"],
    tokens: ["/token", "registry.docker.io"],
    ...{ tokenHost: "auth.hub.test", entry: "token host" },
  },
  ghcr: { operator: ["owner", "ghp_CANARY"], tokens: ["/token", "ghcr.io"] },
  quay: { operator: ["a+b", "CANARY-quay"], tokens: ["/v2/auth", "quay.io"] },
  GitLab: {
    operator: ["gitlab+deploy-token-1", "gldt-CANARY"],
    tokens: ["/jwt/auth", "container_registry"],
    // A site, of which AUTH_REALMS alone knows.
    tokenHost: "git.test",
  },
  Harbor: {
    operator: ["robot$library+pull", "CANARY:harbor"],
    tokens: ["/service/token", "harbor-registry"],
    hasSessions: true,
  },
  Azure: {
    operator: ["00000000-0000-0000-0000-000000000000", "CANARY+azure/=&%"],
    tokens: ["/oauth2/token", "team.azurecr.io"],
    isLoginByForm: true,
  },
  Google: { operator: ["_json_key", googleKey], tokens: ["/v2/token", "gcr.io"] },
  ECR: { operator: ["AWS", longToken], hasNothingPublic: true },
  Nexus: { operator: ["reader", "CANARY-nexus"], hasSessions: true },
};

const carol: Login = ["carol", "what carol alone knows"];
const mistyped: Login = ["carol", "what carol once knew"];

/** Engines send a login where the ping asks for one; the eager do at once. "?" is who nobody knows. */
const askers: Readonly<Record<string, { readonly login?: Login; readonly isEager?: true }>> = {
  nobody: {},
  carol: { login: carol },
  "eager carol": { login: carol, isEager: true },
  mistyped: { login: mistyped },
  "eager mistyped": { login: mistyped, isEager: true },
};

/*
 * Of images that are public, private (for the operator and Carol) and hers alone. Lent: the proxy has the
 * operator's login. Where Basic is spoken that keeps engines from being asked for theirs. Kept: somebody
 * has pulled it before.
 */
const cases = `
  who            | image   | lent | kept for    | Bearer: proxy | mirror       | Basic: proxy   | mirror
  nobody         | public  |      |             | 200 nobody    | 200 nobody   | 200 nobody     | 200 nobody
  nobody         | public  | lent |             | 200 operator  | 200 operator | 200 operator   | 200 operator
  nobody         | private |      |             | 401 nobody    | 404 nobody   | 401 nobody     | 404 nobody
  nobody         | private | lent |             | 200 operator  | 200 operator | 200 operator   | 200 operator
  nobody         | private |      | eager carol | 401 nobody    | 404 nobody   | 401 nobody     | 404 nobody
  nobody         | hers    | lent | eager carol | 401 operator  | 404 operator | 403 operator   | 404 operator
  carol          | private |      |             | 200 carol     | 404 nobody   | 200 carol      | 404 nobody
  carol          | private | lent |             | 200 carol     | 200 operator | 200 carol      | 200 operator
  carol          | hers    | lent |             | 200 carol     | 404 operator | 200 carol      | 404 operator
  eager carol    | private | lent |             |               |              | 200 carol      | 200 operator
  eager carol    | hers    | lent |             |               |              | 200 carol      | 404 operator
  mistyped       | private |      | eager carol | 401 ?         | 404 nobody   | 401 ?          | 404 nobody
  mistyped       | private | lent | nobody      | 401 ?         | 200 nobody   | 401 nobody     | 200 nobody
  mistyped       | hers    | lent | eager carol | 401 ?         | 404 operator | 401 nobody     | 404 operator
  eager mistyped | private | lent | nobody      |               |              | 200 nobody     | 200 nobody
  eager mistyped | private | lent | eager carol |               |              | 200 ?+operator | 200 operator
  eager mistyped | hers    | lent | eager carol |               |              | 401 ?+operator | 404 operator
`;

const cells = cases
  .trim()
  .split("\n")
  .slice(1)
  .flatMap((line, index) => {
    const [who = "", image = "", lent, kept = "", ...expected] = line.trim().split(/\s*[|]\s*/);
    return [..."pmpm"].map((letter, column) => ({
      ...{ who, image, isLent: lent !== "", kept, expected: expected[column] ?? "" },
      ...({ isBearer: column < 2, door: letter === "p" ? "proxy" : "mirror" } as const),
      repository: `${image}/${letter}${index}`,
    }));
  });
type DoorName = (typeof cells)[number]["door"];

type House = { readonly registry: NamedRegistry; readonly tokens: NamedRegistry };

let scene: Scene;
const houses = new Map<string, House>();
/** One that has the operator's logins, and one that has none. */
let lending: Program;
let bare: Program;

beforeAll(async () => {
  scene = await Scene.open();
  for (const name of Object.keys(styles)) houses.set(name, await openHouse(name));
  const entries = [...houses].map(([name, { registry, tokens }]) => {
    const { entry, operator } = styleOf(name);
    return [(entry === undefined ? registry : tokens).name, ...operator].join(":");
  });
  const names = [...houses.values()].flatMap((house) => [house.registry.name, house.tokens.name]);
  const gitLab = houseOf("GitLab");
  const settings = {
    REGISTRIES: names.filter((name) => name !== gitLab.tokens.name).join(" "),
    AUTH_REALMS: `${gitLab.registry.name}=${gitLab.tokens.name}`,
    AUTH_REGISTRIES_DELIMITER: ";;;",
  };
  const start = (name: string, AUTH_REGISTRIES: string) =>
    scene.start({ ...settings, AUTH_REGISTRIES, DATA_DIR: `${scene.folder}/${name}` });
  bare = await start("bare", "");
  lending = await start("lending", entries.join(";;;"));
}, 60_000);

afterAll(() => scene.close());

const styleOf = (name: string) => styles[name] as Style;
const houseOf = (name: string) => houses.get(name) as House;

async function openHouse(name: string): Promise<House> {
  const { operator, tokens, tokenHost, hasSessions = false, ...style } = styleOf(name);
  const service = tokenHost === undefined ? undefined : await scene.registry(tokenHost);
  const open = cells.filter(({ image }) => image === "public" && style.hasNothingPublic !== true);
  const members = cells
    .filter(({ image }) => image !== "public")
    .map((cell) => [cell.repository, cell.image === "hers" ? ["carol"] : [operator[0], "carol"]]);
  const users = Object.fromEntries([operator, carol]);
  const usual = { users, members: Object.fromEntries(members), hasSessions };
  const host = tokenHost?.replace(/^auth/, "registry") ?? `${name}.test`.toLowerCase();
  const registry = await scene.registry(host === tokenHost ? `registry.${host}` : host, {
    auth: (origin) => {
      const publicRepositories = open.map(({ repository }) => repository);
      if (tokens === undefined) return { kind: "basic", ...usual, publicRepositories };
      const realm = `${service === undefined ? origin : `https://${service.name}`}${tokens[0]}`;
      const isLoginByForm = style.isLoginByForm ?? false;
      return { kind: "bearer", ...usual, realm, service: tokens[1], isLoginByForm };
    },
  });
  service?.server.issueTokensFor(registry.server);
  return { registry, tokens: service ?? registry };
}

type Asking = { readonly who: string; readonly isLent: boolean; readonly door: DoorName };

/** As an engine pulls: what is refused ends it. Gives all that the client was told, the end last. */
async function pull(asking: Asking, { name }: NamedRegistry, image: Image): Promise<Answer[]> {
  const { who, isLent, door } = asking;
  const program = isLent ? lending : bare;
  const { heard, authorization, isRefused } = await entered(asking, name, image.repository);
  if (isRefused) return heard;
  const headers = { accept: manifestType, ...(authorization && { authorization }) };
  const manifests = [image.tag, image.manifest].map((reference) => `manifests/${reference}`);
  for (const part of [...manifests, `blobs/${image.config}`, `blobs/${image.layer}`]) {
    const path = `${image.repository}/${part}`;
    const answer =
      door === "proxy"
        ? await viaProxy(program, name, `/v2/${path}`, { headers })
        : await direct(program, `/v2/${name}/${path}`, { headers });
    heard.push(answer);
    if (answer.status !== 200) return heard;
  }
  expect(heard.at(-1)?.body.equals(image.layerBytes), who).toBe(true);
  return heard;
}

/** A mirror asks nobody for a login; some send theirs all the same. */
async function entered({ who, isLent, door }: Asking, registry: string, repository: string) {
  const { login, isEager } = askers[who] ?? {};
  if (door === "mirror" || (isEager === true && login !== undefined)) {
    return { heard: [], authorization: login && basic(login), isRefused: false };
  }
  const program = isLent ? lending : bare;
  const { heard, authorization, refusal } = await logIn(program, registry, repository, login);
  return { heard: [...heard], authorization, isRefused: refusal !== undefined };
}

/** What registry and token service are asked about a repository from now on. */
function watched({ server }: NamedRegistry, repository: string) {
  const [asked, exchanged] = [server.requests.length, server.tokenRequests.length];
  return () => ({
    requests: server.requests.slice(asked).filter(({ url }) => url.includes(`/${repository}/`)),
    exchanges: server.tokenRequests
      .slice(exchanged)
      .filter(({ scopes }) => scopes.includes(`repository:${repository}:pull`)),
  });
}

/** All who had a name. Nobody is there as well: the proxy asks by itself whether an image is everybody's. */
function whoIn(seen: readonly { readonly identity: string }[], operator: string): string {
  const named = new Set(seen.map(({ identity }) => identity.replace(operator, "operator")));
  named.delete("nobody");
  return [...named].sort().join("+") || "nobody";
}

/** The operator's, in what a client was told. What is Carol's she may hear again. */
const leaks = (heard: readonly Answer[]) =>
  secretsIn(
    heard
      .map(({ headers, body }) => `${JSON.stringify(headers)}\n${body.toString("latin1")}`)
      .map((text) => text.replaceAll(/CANARY-carol[\w-]*/g, "")),
  );

describe.each(Object.keys(styles))("a registry like %s", (name) => {
  const { tokens, operator, hasNothingPublic } = styleOf(name);
  const its = cells
    .filter(({ isBearer, expected }) => isBearer === (tokens !== undefined) && expected !== "")
    .filter(({ image }) => image !== "public" || hasNothingPublic !== true);

  const title = "$repository, lent $isLent, kept for '$kept': $who by $door gets $expected";
  it.each(its)(title, async (cell) => {
    const { registry } = houseOf(name);
    const image = addImage(registry.server, cell.repository, { layerBytes: randomBytes(2_000) });
    if (cell.kept !== "") {
      // With tokens nobody can be eager.
      const who = tokens === undefined ? cell.kept : cell.kept.replace("eager ", "");
      const before = await pull({ ...cell, who, door: "proxy" }, registry, image);
      expect(before.at(-1)?.status).toBe(200);
    }
    const seen = watched(registry, image.repository);
    const heard = await pull(cell, registry, image);
    const { requests, exchanges } = seen();
    const who = whoIn([...requests, ...exchanges], operator[0]);
    expect(`${heard.at(-1)?.status} ${who}`).toBe(cell.expected);
    expect(leaks(heard)).toEqual([]);
    expect(JSON.stringify([requests, exchanges])).not.toContain("ept1.");
    for (const { parameters } of exchanges) expect(parameters.get("service")).toBe(tokens?.[1]);
  });
});

it("writes no secret into its log", () => {
  expect(secretsIn([...bare.lines, ...lending.lines])).toEqual([]);
});
