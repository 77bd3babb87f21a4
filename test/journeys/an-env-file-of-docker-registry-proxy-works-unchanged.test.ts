import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSkopeo } from "./support/clients/containers-tools.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";
import { account } from "./support/upstream/look-alikes.ts";

const files: Readonly<Record<string, string>> = {
  "with blanks and colons": `
# registries besides docker.io
REGISTRIES=k8s.gcr.io gcr.io quay.io ghcr.io your.own.registry
AUTH_REGISTRIES=auth.docker.io:${account.user}:${account.password} your.own.registry:bob:secret
CACHE_MAX_SIZE=32g
ENABLE_MANIFEST_CACHE=true
MANIFEST_CACHE_PRIMARY_REGEX=(stable|nightly|production|test)
MANIFEST_CACHE_PRIMARY_TIME=10m
MANIFEST_CACHE_SECONDARY_REGEX=(.*)(\\d|\\.)+(.*)(\\d|\\.)+(.*)(\\d|\\.)+
MANIFEST_CACHE_SECONDARY_TIME=60d
MANIFEST_CACHE_DEFAULT_TIME=1h
PROXY_REQUEST_BUFFERING=true
DISABLE_IPV6=false
DEBUG=false
DEBUG_NGINX=false
VERIFY_SSL=true
`,
  "with delimiters of its own": `
REGISTRIES=quay.io ghcr.io
AUTH_REGISTRIES_DELIMITER=;;;
AUTH_REGISTRY_DELIMITER=:::
AUTH_REGISTRIES=your.own.registry:::bob:::se:cret;;;auth.docker.io:::${account.user}:::${account.password}
CACHE_MAX_SIZE=2g
`,
};

/** As `docker run --env-file` reads it. */
function parse(text: string): Environment {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

describe.skipIf(!hasProgram("skopeo"))("an env file of docker-registry-proxy", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  it.each(Object.entries(files))("%s", async (title, text) => {
    const entrepot = await journey.entrepot(parse(text), title.replaceAll(" ", "-"));
    const skopeo = await journey.client(startSkopeo, entrepot.trust, entrepot.proxy);
    for (const image of [
      "docker.io/library/alpine:3.20",
      "docker.io/acme/private:1",
      "ghcr.io/acme/tool:1",
      "quay.io/acme/thing:1",
    ]) {
      mustSucceed(await skopeo.pull(image));
      await skopeo.wipe();
    }
    expect(await entrepot.stop()).toBe(0);
  });
});
