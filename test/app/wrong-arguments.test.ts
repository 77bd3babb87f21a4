import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { wrongArguments } from "../../src/app/wrong-arguments.ts";

describe("arguments that cannot be used", () => {
  it.each([
    [
      ["health", "now"],
      "error: too many arguments for 'health'. Expected 0 arguments but got 1: now.",
      'health takes no further word; leave "now" out (entrepot --help shows what there is)',
    ],
    [
      ["config", "check", "a", "b"],
      "error: too many arguments for 'check'. Expected 0 arguments but got 2: a, b.",
      'check takes no further word; leave "a" out (entrepot --help shows what there is)',
    ],
    [
      ["serve", "now"],
      "error: too many arguments for 'serve'. Expected 0 arguments but got 1: now.",
      'serve takes no further word; leave "now" out (entrepot --help shows what there is)',
    ],
    [
      ["helth"],
      "error: too many arguments for 'serve'. Expected 0 arguments but got 1: helth.",
      'there is no command "helth"; did you mean health? (entrepot --help shows what there is)',
    ],
    [
      ["--port"],
      "error: option '--port <port>' argument missing",
      "--port needs a value; write --port <port>",
    ],
    [
      ["--prot", "1"],
      "error: unknown option '--prot'\n(Did you mean --port?)",
      "unknown option '--prot'; did you mean --port?",
    ],
  ])("%j", (given, message, sentence) => {
    const cause = new CommanderError(1, "commander.any", message);
    expect(wrongArguments(cause, given).problems).toEqual([sentence]);
  });
});
