// Fetches an image as scanners on Node.js do: pull.js [--plain-http] REFERENCE.
import https from "node:https";
import client from "@snyk/docker-registry-v2-client";

const [reference = "", flag] = process.argv.slice(2).reverse();
const [, registry = "", repository = "", tag = ""] =
  /^([^/]+)\/(.+?)[:@]((?:sha256:)?[^:/]+)$/.exec(reference) ?? [];
const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
const isPlain = flag === "--plain-http";
const options = isPlain
  ? { protocol: "http:" }
  : { agent: new https.Agent({ proxyEnv: process.env }), use_proxy_from_env_var: false };

try {
  const manifest = await client.getManifest(host, repository, tag, "", "", options);
  await client.getImageConfig(host, repository, manifest.config.digest, "", "", options);
  for (const { digest } of manifest.layers)
    await client.downloadLayer("/dev/null", host, repository, digest, "", "", options);
  process.stdout.write(`${manifest.layers.length}\n`);
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
