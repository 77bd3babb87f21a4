/**
 * What the environment says of traces, by the names that OpenTelemetry gives all programs. There are none
 * unless it names an exporter or a collector. What it says wrongly is told of, and stops nothing: it may
 * be meant for every program on the machine. No value is quoted that could hold a secret.
 */

export type WantedTraces = {
  readonly exporters: readonly Exporter[];
  readonly warnings: readonly string[];
};

export type Exporter = "otlp" | "console";

type Environment = Readonly<Record<string, string | undefined>>;

const endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] as const;
const protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] as const;
const samplers: ReadonlySet<string> = new Set(
  ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]),
);

export function wantedTraces(environment: Environment): WantedTraces {
  const isDisabled = textOf(environment, "OTEL_SDK_DISABLED").toLowerCase() === "true";
  const { exporters, unknown } = exportersIn(environment);
  if (isDisabled) return { exporters: [], warnings: [] };
  const warnings = unknown.map(
    (name) => `OTEL_TRACES_EXPORTER names ${name}; there is otlp, console or none`,
  );
  if (exporters.length === 0) return { exporters, warnings };
  if (exporters.includes("otlp")) warnings.push(...badEndpoint(environment));
  return { exporters, warnings: [...warnings, ...badSampler(environment)] };
}

function exportersIn(environment: Environment) {
  const written = textOf(environment, "OTEL_TRACES_EXPORTER");
  const isSomewhere = endpoints.some((name) => textOf(environment, name) !== "");
  const names = new Set(written.toLowerCase().split(",").map(trimmed).filter(isWritten));
  if (names.size === 0 && isSomewhere) names.add("otlp");
  if (names.delete("none")) return { exporters: [], unknown: [] };
  return {
    exporters: [...names].filter(isExporter),
    unknown: [...names].filter((name) => !isExporter(name)).map(shown),
  };
}

function badEndpoint(environment: Environment): readonly string[] {
  const named = endpoints.find((name) => textOf(environment, name) !== "");
  if (named !== undefined && !isWebAddress(textOf(environment, named)))
    return [
      `${named} is no http:// or https:// address; traces go to http://localhost:4318 instead`,
    ];
  const protocol = protocols.find((name) => textOf(environment, name) !== "");
  if (protocol === undefined || textOf(environment, protocol).startsWith("http/")) return [];
  return [`${protocol} is not one that is spoken here; traces go out as http/json (port 4318)`];
}

function badSampler(environment: Environment): readonly string[] {
  const sampler = textOf(environment, "OTEL_TRACES_SAMPLER");
  if (sampler !== "" && !samplers.has(sampler))
    return [`OTEL_TRACES_SAMPLER is none of ${[...samplers].join(", ")}; parentbased_always_on is`];
  const share = textOf(environment, "OTEL_TRACES_SAMPLER_ARG");
  if (!sampler.endsWith("traceidratio") || isShare(share)) return [];
  return ["OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; every trace is taken"];
}

function isExporter(name: string): name is Exporter {
  return name === "otlp" || name === "console";
}

function isWebAddress(text: string): boolean {
  return ["http:", "https:"].includes(URL.parse(text)?.protocol ?? "");
}

function isShare(text: string): boolean {
  return text !== "" && Number(text) >= 0 && Number(text) <= 1;
}

/** Somebody may have put a whole address there. */
function shown(name: string): string {
  return /^[a-z]{1,20}$/.test(name) ? name : "something else";
}

function textOf(environment: Environment, name: string): string {
  return trimmed(environment[name] ?? "");
}

function trimmed(text: string): string {
  return text.trim();
}

function isWritten(text: string): boolean {
  return text !== "";
}
