/** Where things are kept, and what is told. */
import { choice, path, wholeNumber } from "./kind.ts";
import { optional, setting } from "./setting.ts";

export const files = {
  title: "Files and log",
  settings: {
    dataDir: setting({
      name: "DATA_DIR",
      kind: path,
      default: "./data",
      help: `Folder for the CA, the images and the records: an empty one, or one that was DATA_DIR before. One
        process at a time.`,
    }),
    logLevel: setting({
      name: "LOG_LEVEL",
      kind: choice("debug", "info", "warn", "error", "silent"),
      default: "info",
      help: "What is worth a line: every request is info, what went wrong is warn or error.",
    }),
    logFormat: optional({
      name: "LOG_FORMAT",
      kind: choice("json", "pretty"),
      help: "How a line looks; left out, pretty on a terminal and json anywhere else.",
    }),
    metricsRepositories: setting({
      name: "METRICS_REPOSITORIES",
      kind: wholeNumber(0, 1_000, "a number"),
      default: "0",
      help: `How many repositories /metrics names with their pulls, those that are pulled most; private ones
        among them.`,
    }),
  },
} as const;
