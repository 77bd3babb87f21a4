import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCollector } from "../../support/collector.ts";
import { startSkopeo } from "../support/clients/containers-tools.ts";
import { startDocker } from "../support/clients/docker.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, Journey, mustSucceed } from "../support/journey.ts";

describe.skipIf(!hasProgram("dockerd"))("traces.md", () => {
  let guide: Guide;
  let journey: Journey;
  beforeAll(async () => {
    guide = await Guide.open("traces.md");
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  it("the collector learns of what dockerd and three skopeos pulled, and of who waited", async () => {
    const collector = await startCollector();
    const settings = {
      ...guide.settings("OTEL_SERVICE_NAME"),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    };
    const entrepot = await journey.entrepot(settings, journey.unusedName());
    const { trust, proxy } = entrepot;
    const skopeos = await Promise.all(
      [1, 2, 3].map(() => journey.client(startSkopeo, trust, proxy)),
    );
    const pulls = skopeos.map((skopeo) => skopeo.pull("docker.io/acme/large:1"));
    for (const pull of await Promise.all(pulls)) mustSucceed(pull);
    const docker = await journey.client(startDocker, trust, proxy);
    mustSucceed(await docker.pull("docker.io/library/alpine:3.20"));
    await docker.stop();
    expect(await entrepot.stop()).toBe(0);
    const { spans } = collector;
    expect(new Set(spans.map(({ resource }) => resource.get("service.name")))).toEqual(
      new Set(["entrepot"]),
    );
    expect(spans[0]?.resource.get("deployment.environment")).toBe("lab");
    const blobs = collector.named("GET blob").filter(({ kind }) => kind === 2);
    const fetches = collector.named("fetch blob");
    // A config and three layers of the large one, and those of alpine.
    const digests = fetches.map(({ attributes }) => attributes.get("entrepot.digest"));
    expect(new Set(digests).size).toBe(fetches.length);
    expect(fetches.length).toBeGreaterThan(5);
    for (const { attributes, links, spanId } of blobs) {
      const cache = attributes.get("entrepot.cache");
      const mine = fetches.filter(({ parentSpanId }) => parentSpanId === spanId);
      const theirs = fetches.filter((fetch) => links.includes(fetch.spanId));
      if (cache === "miss") expect(mine).toHaveLength(1);
      if (cache === "collapsed") expect(theirs).toHaveLength(1);
    }
    const answers = blobs.map(({ attributes }) => attributes.get("entrepot.cache"));
    expect(answers).toContain("collapsed");
    expect(collector.named("GET token").length).toBeGreaterThan(0);
  });

  it("a share of all traces, and lines of the log instead, start without a warning", async () => {
    const entrepot = await journey.entrepot(
      { ...guide.settings("OTEL_TRACES_SAMPLER_ARG"), OTEL_TRACES_EXPORTER: "console" },
      "by-lines",
    );
    expect(await entrepot.stop()).toBe(0);
    expect(entrepot.lines.filter((line) => line.includes("OTEL_"))).toEqual([]);
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
