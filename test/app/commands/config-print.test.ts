import { expect, it } from "vitest";
import { parse } from "yaml";
import { effectiveSettings } from "../../../src/app/commands/config-print.ts";
import { load } from "../settings/loading.ts";

it("config print is a settings file that means the same, without its secrets", async () => {
  const yaml = `
registries: [reg.lan:5000, { host: other.lan, proxy: "http://u:CANARY-p@out.lan:1" }]
policy: { tags: [{ tag: latest, ttl: 1 min }] }
auth_registries: [{ host: ghcr.io, user: u, password: CANARY-a }]
`;
  const environment = { TAG_TTL: "1 min", ADMIN_TOKEN: "CANARY-0123456789abcdef" };
  const first = await load({ yaml, environment });
  const lines = effectiveSettings(first);
  const text = lines.join("\n");
  expect(text).not.toContain("CANARY");
  expect(lines).toContain("tag_ttl: 1 min # environment");
  expect(lines).toContain("port: 3128");
  expect(lines).toContain("# admin_token: (secret) # environment");
  expect(lines).toContain("# tls_port:");
  const written = parse(text) as Record<string, unknown>;
  expect(written.policy).toEqual({ tags: [{ tag: "latest", ttl: "1 min" }] });
  const { settings } = await load({ yaml: text });
  expect(settings.cache).toEqual(first.settings.cache);
  expect(settings.listen.port).toBe(3128);
});
