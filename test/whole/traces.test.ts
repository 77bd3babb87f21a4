/** Traces of OpenTelemetry: what a collector learns of pulls, and what it costs them when it is away. */
import { randomBytes } from "node:crypto";
import { expect, it, vi } from "vitest";
import { openTraces } from "../../src/app/traces/open-traces.ts";
import { type Collector, startCollector } from "../support/collector.ts";
import { eventually } from "../support/eventually.ts";
import { redirect, stallAt } from "../support/fake-registry/fault.ts";
import { freePort } from "../support/free-port.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

type Texts = Readonly<Record<string, string>>;

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";

/** OpenTelemetry's packages read the environment of the process themselves. */
async function traced(environment: Texts) {
  vi.unstubAllEnvs();
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const notes: string[] = [];
  const note = (level: string, message: string): void => void notes.push(`${level}: ${message}`);
  const traces = await openTraces({ environment: process.env, version: "0.1.0", log: { note } });
  return { ...traces, notes };
}

/** The program of a scene, and a collector that gets what is known of it by the time it is asked. */
async function tracedProgram(scene: Scene, settings: Texts, environment: Texts = {}) {
  const collector = await startCollector();
  const traces = await traced({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...environment });
  const program = await scene.start(settings, { tracing: traces.tracing });
  const told = async (): Promise<Collector> => {
    await program.stop();
    await traces.close();
    return collector;
  };
  return { program, told };
}

function layerOf(program: Program, name: string, image: ReturnType<typeof addImage>) {
  return direct(program, `/v2/${name}/${image.repository}/blobs/${image.layer}`);
}

it("twenty clients pull one cold layer: one fetch, and the others are linked to it", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app");
  const stall = stallAt(1_000);
  server.misbehave({ method: "GET", path: /blobs/ }, stall);
  const { program, told } = await tracedProgram(scene, { REGISTRIES: name });
  const first = layerOf(program, name, image);
  await stall.gate.reached;
  const others = Array.from({ length: 19 }, () => layerOf(program, name, image));
  await eventually(async () => (await metrics(program)).includes("download_readers 20\n"));
  stall.gate.open();
  for (const { status, body } of await Promise.all([first, ...others])) {
    expect(status).toBe(200);
    expect(body.equals(image.layerBytes)).toBe(true);
  }
  const collector = await told();
  const [fetch, ...more] = collector.named("fetch blob");
  expect(more).toEqual([]);
  const requests = collector.named("GET blob").filter(({ kind }) => kind === 2);
  expect(requests).toHaveLength(20);
  const linked = requests.filter(({ links }) => links.includes(fetch?.spanId ?? ""));
  expect(linked).toHaveLength(19);
  const [began] = requests.filter((each) => !linked.includes(each));
  expect(fetch?.parentSpanId).toBe(began?.spanId);
  const asked = collector.named("GET blob").filter(({ kind }) => kind === 3);
  expect(asked.map(({ parentSpanId }) => parentSpanId)).toEqual([fetch?.spanId]);
  expect(Object.fromEntries(began?.attributes ?? [])).toMatchObject({
    ...{ "http.request.method": "GET", "http.response.status_code": "200" },
    ...{ "http.response.body.size": "300000", "client.address": "127.0.0.1" },
    ...{ "entrepot.registry": name, "entrepot.repository": "team/app", "entrepot.cache": "miss" },
  });
  expect(linked.map(({ attributes }) => attributes.get("entrepot.cache"))).toContain("collapsed");
  expect(fetch?.attributes.get("entrepot.received")).toBe("300000");
  expect(collector.paths[0]).toBe("/v1/traces");
});

it("a crowd asks for one tag: one question upstream, to which the others are linked", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  addImage(server, "team/app");
  const { program, told } = await tracedProgram(scene, { REGISTRIES: name });
  const headers = { accept: manifestType };
  const path = `/v2/${name}/team/app/manifests/1`;
  const ask = (): Promise<Answer> => direct(program, path, { headers });
  const crowd = await Promise.all(Array.from({ length: 10 }, ask));
  expect(crowd.map(({ status }) => status)).toEqual(Array(10).fill(200));
  const collector = await told();
  const requests = collector.spans.filter(({ kind }) => kind === 2);
  const resolved = collector.named("resolve tag").map(({ spanId }) => spanId);
  for (const { spanId, links } of requests) {
    const own = collector.named("resolve tag").some(({ parentSpanId }) => parentSpanId === spanId);
    expect(own || links.some((link) => resolved.includes(link))).toBe(true);
  }
  expect(resolved.length).toBeLessThan(10);
});

it("a client's trace goes on here and at the registry, not at its storage nor its token service", async () => {
  const scene = await Scene.open();
  const storage = await scene.registry("storage.test");
  const { name, server } = await scene.registry("registry.test", {
    auth: (origin) => ({ kind: "bearer", realm: `${origin}/token` }),
  });
  const image = addImage(server, "team/app");
  storage.server.addBlob(image.layerBytes);
  server.misbehave(
    { method: "GET", path: /blobs/ },
    redirect(`https://${storage.name}/cdn/${image.layer}?X-Amz-Signature=CANARY-signature`),
  );
  const settings = { REGISTRIES: `${name} ${storage.name}` };
  const { program, told } = await tracedProgram(scene, settings);
  const answer = await direct(program, `/v2/${name}/team/app/blobs/${image.layer}`, {
    headers: { traceparent: `00-${traceId}-${parentId}-01`, tracestate: "lab=1" },
  });
  expect(answer.status).toBe(200);
  const collector = await told();
  const [request] = collector.spans.filter(({ kind }) => kind === 2);
  expect(request).toMatchObject({ traceId, parentSpanId: parentId });
  const asked = server.requests.filter(({ url }) => url.includes("/blobs/"));
  expect(asked.length).toBeGreaterThan(0);
  const spans = collector.spans.filter(({ kind }) => kind === 3).map(({ spanId }) => spanId);
  for (const { headers } of asked) {
    const [, trace, span = "", flags] = String(headers.traceparent).split("-");
    expect([trace, flags, headers.tracestate]).toEqual([traceId, "01", "lab=1"]);
    expect(spans).toContain(span);
  }
  for (const { headers } of [
    ...storage.server.requests,
    ...server.requests.filter(({ url }) => url.startsWith("/token")),
  ])
    expect(headers.traceparent).toBeUndefined();
  expect(storage.server.requests).toHaveLength(1);
});

it("a question whether a registry wants a login is a span of that name", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test", {
    auth: (origin) => ({ kind: "bearer", realm: `${origin}/token` }),
  });
  addImage(server, "team/app");
  const { program, told } = await tracedProgram(scene, { REGISTRIES: name });
  await direct(program, `/v2/${name}/team/app/manifests/1`);
  const collector = await told();
  const asked = collector.spans.filter(({ kind }) => kind === 3).map((span) => span.name);
  expect(asked).toContain("GET ping");
  expect(asked).not.toContain("GET other");
});

it("nothing that opens anything reaches the collector", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test", {
    auth: (origin) => ({
      ...{ kind: "bearer", realm: `${origin}/token`, users: { "CANARY-user": "CANARY-password" } },
      privateRepositories: ["team/app"],
    }),
  });
  const image = addImage(server, "team/app");
  const settings = { REGISTRIES: name, AUTH_REGISTRIES: `${name}:CANARY-user:CANARY-password` };
  const { program, told } = await tracedProgram(scene, settings, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20CANARY-collector,x-team=lab",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=lab,host.name=one",
    OTEL_SERVICE_NAME: "cache-of-the-lab",
  });
  await layerOf(program, name, image);
  const login = `Basic ${Buffer.from("CANARY-user:CANARY-password").toString("base64")}`;
  const own = { headers: { authorization: login } };
  const token = await viaProxy(program, name, "/token?scope=CANARY-scope", own);
  await viaProxy(program, name, `/v2/team/app/tags/list?last=CANARY-last`, own);
  const upload = await viaProxy(program, name, "/v2/team/app/blobs/uploads/", {
    ...{ method: "POST", headers: { authorization: `Bearer ${tokenIn(token)}` } },
  });
  const location = String(upload.headers.location ?? "").replace(/^https:\/\/[^/]+/, "");
  if (location !== "")
    await viaProxy(program, name, location, { method: "DELETE", headers: own.headers });
  const collector = await told();
  const everything = collector.bodies.join("\n");
  expect(collector.spans.length).toBeGreaterThan(5);
  for (const secret of ["CANARY-", login.slice(6), tokenIn(token), sessionIn(location)])
    expect(everything).not.toContain(secret);
  expect(collector.headers[0]).toMatchObject({
    ...{ authorization: "Bearer CANARY-collector", "x-team": "lab" },
  });
  expect(Object.fromEntries(collector.spans[0]?.resource ?? [])).toMatchObject({
    ...{ "service.name": "cache-of-the-lab", "deployment.environment": "lab" },
  });
});

it("a collector that is away costs no pull anything, and is told of once", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app", { layerBytes: randomBytes(1_000) });
  const traces = await traced({
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` },
    ...{ OTEL_BSP_SCHEDULE_DELAY: "10", OTEL_EXPORTER_OTLP_TIMEOUT: "100" },
  });
  const program = await scene.start({ REGISTRIES: name }, { tracing: traces.tracing });
  for (let pull = 0; pull < 3; pull += 1) {
    expect((await layerOf(program, name, image)).status).toBe(200);
    await eventually(() => traces.notes.length > 0);
  }
  await program.stop();
  await traces.close();
  expect(traces.notes).toEqual([
    "warn: the collector does not take traces; pulls go on without them",
  ]);
});

it("a collector that never answers holds up a stop no longer than two seconds", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app");
  const silent = await scene.registry("silent.test", { isPlain: true });
  const stall = stallAt(0);
  silent.server.misbehave({}, stall);
  const traces = await traced({ OTEL_EXPORTER_OTLP_ENDPOINT: silent.server.origin });
  const program = await scene.start({ REGISTRIES: name }, { tracing: traces.tracing });
  expect((await layerOf(program, name, image)).status).toBe(200);
  await program.stop();
  const began = performance.now();
  await traces.close();
  expect(performance.now() - began).toBeLessThan(3_000);
});

it("of traces that are not taken none is sent, and the registry is told that it is not", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app");
  const never = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" };
  const { program, told } = await tracedProgram(scene, { REGISTRIES: name }, never);
  expect((await layerOf(program, name, image)).status).toBe(200);
  expect((await told()).bodies).toEqual([]);
  const [asked] = server.requests.filter(({ url }) => url.includes("/blobs/"));
  expect(asked?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});

it("as lines of the log, spans need no collector", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app");
  const traces = await traced({ OTEL_TRACES_EXPORTER: "console" });
  const program = await scene.start({ REGISTRIES: name }, { tracing: traces.tracing });
  expect((await layerOf(program, name, image)).status).toBe(200);
  await program.stop();
  await traces.close();
  expect(new Set(traces.notes)).toEqual(new Set(["info: span"]));
  expect(traces.notes.length).toBeGreaterThan(2);
});

it("without traces a client's own goes on to the registry as it came, with its own login", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const program = await scene.start({ REGISTRIES: name });
  const traceparent = `00-${traceId}-${parentId}-01`;
  await viaProxy(program, name, "/v2/team/app/blobs/uploads/", {
    ...{ method: "POST", headers: { traceparent } },
  });
  const [asked] = server.requests.filter(({ method }) => method === "POST");
  expect(asked?.headers.traceparent).toBe(traceparent);
});

async function metrics({ adminPort, ca }: Program): Promise<string> {
  return (await direct({ port: adminPort, ca }, "/metrics")).body.toString();
}

function tokenIn({ body }: Answer): string {
  return (JSON.parse(body.toString()) as { token?: string }).token ?? "no token came";
}

function sessionIn(location: string): string {
  return location.split("/").at(-1) || "no session came";
}
