import { describe, expect, it } from "vitest";
import { allSettings } from "../../../src/app/settings/settings.ts";
import { parseYaml, readSettingsFile } from "../../../src/app/settings/settings-file.ts";

const read = (content: string) => readSettingsFile("s.yaml", content, allSettings());

const yaml = (what: string) => `s.yaml is not valid YAML (${what})`;

describe("the settings file", () => {
  it("spells keys as variables, in either case, or as flags", () => {
    const { values, problems } = read("port: 1\nTAG_TTL: 5 s\ncache-max-size: 1g\noffline: ~\n");
    expect([...values]).toEqual([
      ["PORT", 1],
      ["TAG_TTL", "5 s"],
      ["CACHE_MAX_SIZE", "1g"],
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ["nothing", ""],
    ["a comment", "# later\n"],
  ])("may hold %s", (_, content) => {
    expect(read(content)).toEqual({ values: new Map(), problems: [] });
  });

  it.each([
    ["tag_tll: 5 s", 's.yaml has "tag_tll", which is no setting; did you mean tag_ttl?'],
    ["colour: red", 's.yaml has "colour", which is no setting'],
    ["- port", "s.yaml holds no settings; write lines such as port: 3128"],
    ["port: 1\nport: 2", yaml("line 2, column 1: this key stands there twice")],
    [
      "port: 1\ntls_port: CANARY: 2\n",
      yaml(
        "line 2, column 11: the indentation is wrong, or a value with a colon in it needs quotes",
      ),
    ],
    ["port: 1\n\thost: x\n", yaml("line 2, column 1: a tab stands where blanks are needed")],
    ["port 1\nhost: x\n", yaml("line 1, column 1: a colon is missing after a key")],
    [
      "host: [CANARY\n",
      yaml("line 1, column 14: a bracket is left open, or the indentation is wrong"),
    ],
    ['host: "CANARY\n', yaml("line 1, column 14: a quote, a comma or a colon is missing")],
    [
      "host: @CANARY",
      yaml("line 1, column 7: a value that begins with this character needs quotes"),
    ],
    [
      "port: 1\nregistries:\n  - *.CANARY\n",
      yaml("line 3, column 5: a value that begins with * needs quotes"),
    ],
  ])("says what is wrong with %j", (content, problem) => {
    expect(read(content).problems).toEqual([problem]);
  });

  it("reads aliases that stand for something", () => {
    expect(parseYaml("a: &x 1\nb: *x")).toEqual({ value: { a: 1, b: 1 } });
  });

  it("says where JSON goes wrong", () => {
    expect(parseYaml('["ghcr.io", {"registry" "CANARY"}]')).toEqual({
      problem: "is not valid JSON (line 1, column 25: a quote, a comma or a colon is missing)",
    });
  });

  it("reads JSON as well", () => {
    expect(parseYaml('[{"a": 1}]')).toEqual({ value: [{ a: 1 }] });
  });
});
