/** Whatever Entrepot says itself, at any of its doors, is no page that another site could use. */
import { expect, it } from "vitest";
import { answers } from "../../src/doors/back-office/answers.ts";
import { freePort } from "../support/free-port.ts";
import { type Answer, ask, dial, direct, secured, tunnel, viaProxy } from "./support/client.ts";
import { type Program, Scene } from "./support/program.ts";

const digest = `sha256:${"a".repeat(64)}`;

/** What is missing in the head of each. */
function lacking(told: ReadonlyMap<string, Pick<Answer, "headers">>): readonly string[] {
  return [...told].flatMap(([what, { headers }]) => {
    const policy = String(headers["content-security-policy"]);
    const isSafe =
      headers["x-content-type-options"] === "nosniff" &&
      headers["cross-origin-resource-policy"] === "same-origin" &&
      policy.includes("frame-ancestors 'none'");
    return isSafe ? [] : [what];
  });
}

async function open(settings: Readonly<Record<string, string>> = {}) {
  const scene = await Scene.open();
  const { name } = await scene.registry("registry.test");
  return { name, program: await scene.start({ REGISTRIES: name, ...settings }) };
}

it("the back office's own answers, refusals and streams say so, each of them", async () => {
  const { program } = await open();
  const told = new Map<string, Pick<Answer, "headers">>();
  const at = async (what: string, path: string, asked: Parameters<typeof ask>[2] = {}) =>
    told.set(what, await ask(await dial(program.adminPort), path, asked, "localhost"));
  const api = Object.keys(answers).map((word) => `/api/v1/${word}`);
  const assets = ["uplot.js", "uplot.css", "dashboard.js", "dashboard.css"];
  const paths = ["/", "/login?link=x", "/metrics", "/readyz", "/healthz", "/nowhere", ...api];
  for (const path of [...paths, ...assets.map((one) => `/assets/${one}`)]) {
    await at(path, path);
    await at(`HEAD ${path}`, path, { method: "HEAD" });
  }
  await at("under another's name", "/metrics", { headers: { host: "rebound.example" } });
  await at("a page of another site", "/metrics", { headers: { "sec-fetch-site": "cross-site" } });
  await at("a change without a token", "/api/v1/links", {
    ...{ method: "POST", body: "{}", headers: { "content-type": "application/json" } },
  });
  await at("a method that is none", "/", { method: "PUT" });
  const stream = await fetch(`http://localhost:${program.adminPort}/api/v1/events`);
  told.set("events", { headers: Object.fromEntries(stream.headers) });
  await stream.body?.cancel();
  expect(lacking(told)).toEqual([]);
});

it("so do the front page, the mirrors, the registry here and the refusals of each", async () => {
  const tlsPort = await freePort();
  const { program, name } = await open({
    ...{ TLS_PORT: String(tlsPort), HOSTED_HOSTS: "push.lan", HOSTED_ANONYMOUS_PUSH: "true" },
  });
  const front = ["/", "/ca.crt", "/ca.pem", "/healthz", "/readyz", "/setup/docker", "/setup/trust"];
  const own = ["/setup/windows", "/setup/nothing", "/nowhere", "/v2/", "/v2/a/manifests/%2e%2e"];
  const missing = [`/v2/${name}/a/manifests/1`, `/v2/a/manifests/1?ns=${name}`, "/v2/?ns=a_/b"];
  const told = new Map<string, Pick<Answer, "headers">>();
  for (const path of [...front, ...own, ...missing]) {
    told.set(path, await direct(program, path));
    told.set(`HEAD ${path}`, await direct(program, path, { method: "HEAD" }));
    told.set(`over TLS ${path}`, await overTls(program, tlsPort, path));
  }
  const hosted = (path: string, method = "GET") =>
    direct(program, path, { method, headers: { host: "push.lan" } });
  for (const path of ["/v2/", "/v2/_catalog", "/v2/a/tags/list", `/v2/a/blobs/${digest}`])
    told.set(`pushed here ${path}`, await hosted(path));
  told.set("an upload begins", await hosted("/v2/a/blobs/uploads/", "POST"));
  told.set("POST /", await direct(program, "/", { method: "POST" }));
  told.set("no proxy", await overTls(program, tlsPort, "http://registry.test/"));
  expect(lacking(told)).toEqual([]);
});

it("and so does what the proxy door says in a registry's place", async () => {
  const { program, name } = await open();
  const told = new Map<string, Pick<Answer, "headers">>();
  for (const path of ["/v2/a/blobs/sha256:short", "/v2/a/manifests/-", "/v2/..%2fadmin"])
    told.set(path, await viaProxy(program, name, path));
  const { socket } = await tunnel(program, name);
  const tls = await secured(socket, program, name);
  told.set("another Host", await ask(tls, "/v2/", { headers: { host: "other.test" } }, name));
  expect(lacking(told)).toEqual([]);
});

async function overTls(program: Program, port: number, path: string): Promise<Answer> {
  const tls = await secured(await dial(port), program, "localhost");
  return ask(tls, path, {}, "localhost");
}
