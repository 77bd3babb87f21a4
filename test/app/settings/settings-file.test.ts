import { describe, expect, it } from "vitest";
import { allSettings } from "../../../src/app/settings/settings.ts";
import { parseYaml, readSettingsFile } from "../../../src/app/settings/settings-file.ts";

const read = (content: string) => readSettingsFile("s.yaml", content, allSettings());

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
    ["port: 1\nport: 2", "s.yaml has the same key twice (line 2)"],
    ["port: 1\ntls_port: CANARY: 2\n", "s.yaml is not valid YAML (line 2)"],
  ])("says what is wrong with %j", (content, problem) => {
    expect(read(content).problems).toEqual([problem]);
  });

  it("reads JSON as well", () => {
    expect(parseYaml('[{"a": 1}]')).toEqual({ value: [{ a: 1 }] });
  });
});
