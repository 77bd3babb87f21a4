/** Where things are kept, and what is told. */
import { choice, path } from "./kind.ts";
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
  },
} as const;
