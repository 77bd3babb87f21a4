import { Command, CommanderError, Option } from "commander";
import { describe, expect, it } from "vitest";
import { settingOptions } from "../../src/app/options.ts";
import { wrongArguments } from "../../src/app/wrong-arguments.ts";

const program = new Command("entrepot").addOption(new Option("--config <file>"));
for (const option of settingOptions()) program.addOption(option);
program.command("serve", { isDefault: true });
program.command("health");
program.command("config").command("check");
const ca = program.command("ca");
ca.command("print");
ca.command("fingerprint");
program.command("images").command("show <image>");
program.command("list [words...]").option("--limit <count>");

describe("arguments that cannot be used", () => {
  it.each([
    [
      ["health", "now"],
      'health takes no further word; leave "now" out (entrepot --help shows what there is)',
    ],
    [
      ["config", "check", "a", "b"],
      'check takes no further word; leave "a" out (entrepot --help shows what there is)',
    ],
    [
      ["serve", "now"],
      'serve takes no further word; leave "now" out (entrepot --help shows what there is)',
    ],
    [["helth"], 'there is no command "helth"; did you mean health?'],
    [["--port", "1", "sing"], 'there is no command "sing" (entrepot --help shows what there is)'],
    [["ca", "prnit"], 'unknown command "prnit"; did you mean print?'],
    [
      ["--tag-ttl=1m", "ca"],
      "that command needs another word: ca print or ca fingerprint (entrepot --help shows what there is)",
    ],
    [["--port"], "--port needs a value; write --port <port>"],
    [["health", "--config"], "--config needs a value; write --config <file>"],
    [["images", "show"], "images show needs <image> (entrepot --help shows what there is)"],
    [
      ["images", "show", "a", "b"],
      'show takes no further word; leave "b" out (entrepot --help shows what there is)',
    ],
    [["list", "a", "b", "--limt", "1"], "unknown option '--limt'; did you mean --limit?"],
    [["--prot", "1"], "unknown option '--prot'; did you mean --port?"],
    [["--zebra"], "unknown option '--zebra' (entrepot --help shows what there is)"],
    [["-x"], "unknown option '-x' (entrepot --help shows what there is)"],
    [
      ["--proxy-auth=carol:CANARY"],
      "unknown option '--proxy-auth'; write --proxy-auth-file and a file: a command line is no place for secrets",
    ],
  ])("%j", (given, sentence) => {
    const cause = new CommanderError(1, "commander.any", "whatever it says");
    expect(wrongArguments(cause, given, program).message).toBe(sentence);
  });
});
