/** The schema knows what a start takes, and nothing that it refuses. */
import { readFile } from "node:fs/promises";
import fastify, { type FastifyInstance } from "fastify";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { settingsSchema } from "../../../src/app/settings/settings-schema.ts";
import { load } from "./loading.ts";

let app: FastifyInstance;

beforeAll(async () => {
  const customOptions = {
    ...{ removeAdditional: false, coerceTypes: false, useDefaults: false },
    allowUnionTypes: true,
  } as const;
  app = fastify({ ajv: { customOptions } });
  const { $schema: _, ...body } = settingsSchema();
  app.post("/", { schema: { body } }, async () => "good");
  await app.ready();
});

async function judged(yaml: string): Promise<string> {
  const payload = JSON.stringify(parse(yaml));
  const headers = { "content-type": "application/json" };
  const answer = await app.inject({ method: "POST", url: "/", headers, payload });
  return answer.statusCode === 200 ? "good" : (answer.json() as { message: string }).message;
}

/** All YAML blocks of the reference that hold settings. */
async function examples(): Promise<readonly string[]> {
  const text = await readFile(
    new URL("../../../docs/reference/configuration.md", import.meta.url),
    "utf8",
  );
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
}

describe("the schema of the settings file", () => {
  it("takes the examples of the reference", async () => {
    const blocks = await examples();
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(await judged(block)).toBe("good");
  });

  it.each([
    "port: 3130",
    "log_level: debug",
    "upstream_family: 4",
    "mirror_hosts: { hub.lan: docker.io }",
    "mirror_hosts: [hub.lan=docker.io]",
    "verify_ssl: { reg.lan: false }",
    "auth_realms: reg.lan=git.lan",
    "offline: true",
    "tag_ttl: 5 min",
    "hosted_rules: [{ repositories: ['**'], quota: 5 GiB, keep: { last: 3 } }]",
    "config: [ghcr.io, { registry: docker.io, variables: { A: b } }]",
    "port:",
  ])("takes %s, as a start does", async (yaml) => {
    expect(await judged(yaml)).toBe("good");
    await load({ yaml });
  });

  it.each([
    "prot: 3129",
    "port: 70000",
    "log_level: loud",
    "offline: maybe",
    "registries: [{ hots: reg.lan }]",
    "policy: { alow: [] }",
    "hosted_rules: [{ repos: ['**'] }]",
    "auth_registries: [{ user: u, password: p }]",
  ])("refuses %s, as a start does", async (yaml) => {
    expect(await judged(yaml)).not.toBe("good");
    await expect(load({ yaml })).rejects.toThrow();
  });

  it("says of each key what it is for", () => {
    const { properties } = settingsSchema() as {
      properties: Record<string, { description: string }>;
    };
    expect(properties.tag_ttl?.description).toMatch(/^How long .*Write a time with its unit/);
  });
});
