import { describe, expect, it } from "vitest";
import { wantedTraces } from "../../../src/app/traces/wanted-traces.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.lan:4318" };

describe("what the environment says of traces", () => {
  it.each([
    [{}, []],
    [{ OTEL_SERVICE_NAME: "cache" }, []],
    [endpoint, ["otlp"]],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector.lan/in" }, ["otlp"]],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, []],
    [{ OTEL_TRACES_EXPORTER: "otlp" }, ["otlp"]],
    [{ OTEL_TRACES_EXPORTER: "console, OTLP" }, ["console", "otlp"]],
    [{ ...endpoint, OTEL_TRACES_EXPORTER: "none" }, []],
    [{ ...endpoint, OTEL_SDK_DISABLED: "TRUE" }, []],
    [{ ...endpoint, OTEL_SDK_DISABLED: "1" }, ["otlp"]],
  ])("%j: %j", (environment, exporters) => {
    expect(wantedTraces(environment)).toEqual({ exporters, warnings: [] });
  });

  it.each([
    [{ OTEL_TRACES_EXPORTER: "jaeger" }, "OTEL_TRACES_EXPORTER names jaeger"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, "OTEL_EXPORTER_OTLP_ENDPOINT is no http"],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "port 4318"],
    [{ ...endpoint, OTEL_TRACES_SAMPLER: "jaeger_remote" }, "OTEL_TRACES_SAMPLER is none of"],
    [{ ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio" }, "from 0 to 1"],
    [
      { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "10%" },
      "from 0 to 1",
    ],
  ])("%j is told of, and stops nothing", (environment, sentence) => {
    const { warnings } = wantedTraces(environment);
    expect(warnings).toEqual([expect.stringContaining(sentence)]);
  });

  it("quotes no value in which somebody keeps a login", () => {
    const { warnings } = wantedTraces({
      OTEL_TRACES_EXPORTER: "https://lab:CANARY-password@collector.lan,otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: "lab:CANARY-password@collector.lan",
    });
    expect(warnings).toHaveLength(2);
    expect(warnings.join("\n")).not.toContain("CANARY");
  });
});
