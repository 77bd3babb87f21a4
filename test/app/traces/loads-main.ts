/** Prints how many files of OpenTelemetry a process has loaded once it has opened its traces. */
import { createRequire } from "node:module";
import { openTraces } from "../../../src/app/traces/open-traces.ts";

const log = { note: () => undefined };
const traces = await openTraces({ environment: process.env, version: "0.1.0", log });
await traces.close();
const { cache } = createRequire(import.meta.url);
const files = Object.keys(cache).filter((path) => path.includes("@opentelemetry"));
process.stdout.write(`${files.length}\n`);
