import { expect, it } from "vitest";
import { readEnvFile } from "../../../src/app/settings/env-file.ts";

const one = (line: string) => readEnvFile("f", line).variables.A;

it.each([
  ["A=b:c$d", "b:c$d"],
  ["A=$HOME $x", "$HOME $x"],
  ["A=p#q", "p#q"],
  ['A=p"q', 'p"q'],
  ["A=p'q'", "p'q'"],
  ["A=p\\q\\\\r", "p\\q\\\\r"],
  ["  export A = b", undefined],
  ["  export A=  b  ", "b"],
  ["A='a b' ", "a b"],
  ["A='a\\\"$'", 'a\\"$'],
  ['A="a\\"b\\\\c\\$d\\n"', 'a"b\\c$d\\n'],
  ["A='[\n  \"ghcr.io\"\n]'", '[\n  "ghcr.io"\n]'],
  ["A=", ""],
  ["A=''", ""],
  ["\uFEFFA=b\r\n", "b"],
  ["#A=b", undefined],
  ["A", undefined],
])("an env file's %j holds %j", (line, value) => {
  expect(one(line)).toBe(value);
});

it("an env file's lines that make no sense are told of by their number, never by what they hold", () => {
  const { variables, problems } = readEnvFile("f", "A=1\n\nCANARY me\nB='CANARY\nC=2\n");
  expect(variables).toEqual({ A: "1", C: "2" });
  expect(problems).toEqual([
    "f has no NAME=value in line 3; write one, or a # before it",
    "f opens a quote in line 4 and never closes it; close it, or leave it out",
  ]);
});

it("an env file's comment behind a value counts as part of it, and is told of", () => {
  const { variables, warnings } = readEnvFile("f", "A=b # mine\nB='c # d'\nC=#x");
  expect(variables).toEqual({ A: "b # mine", B: "c # d", C: "#x" });
  expect(warnings).toEqual([
    "A in f has a # that counts as part of it; comments have lines of their own",
  ]);
});
