import { describe, expect, it } from "vitest";
import { parseReference, parseRepositoryName } from "../../../src/protocol/reference.ts";
import { type ImagePattern, ImagePolicy } from "../../../src/registry/rules/image-policy.ts";
import { registryOf } from "../rig.ts";

/** `registry repository tag`, an asterisk for what is left out. */
function pattern(text: string): ImagePattern {
  const [registry = "*", repository = "*", tag = "*"] = text.split(" ");
  return {
    text,
    ...(registry === "*" ? {} : { registry }),
    ...(repository === "*" ? {} : { repository }),
    ...(tag === "*" ? {} : { tag }),
  };
}

function rules(allow: readonly string[], deny: readonly string[] = []): ImagePolicy {
  return new ImagePolicy({ allow: allow.map(pattern), deny: deny.map(pattern) });
}

/** What is said of `registry/repository:tag`, or of the repository as such. */
function verdict(of: ImagePolicy, image: string): string {
  const [, host = "", name = "", tag] = /^([^/]+)\/([^:]+)(?::(.+))?$/.exec(image) ?? [];
  const repository = parseRepositoryName(name);
  const reference = tag === undefined ? undefined : parseReference(tag);
  if (repository === undefined) throw new TypeError(image);
  const said = of.judge(
    registryOf(host).name,
    repository,
    reference?.kind === "tag" ? reference.tag : undefined,
  );
  return said.kind === "denied" ? said.rule : said.kind;
}

describe("what is denied", () => {
  const some = rules(
    [],
    ["docker.io library/alpine edge", "*.evil.example", "* */secret", "* ** /^v0/"],
  );

  it.each([
    ["docker.io/library/alpine:edge", "docker.io library/alpine edge"],
    ["docker.io/alpine:edge", "docker.io library/alpine edge"],
    ["docker.io/library/alpine:3", "allowed"],
    // The name is denied, not what it means.
    ["docker.io/library/alpine", "allowed"],
    ["hub.evil.example/a/b", "*.evil.example"],
    ["hub.evil.example/a/b:1", "*.evil.example"],
    ["evil.example/a/b:1", "allowed"],
    ["ghcr.io/team/secret", "* */secret"],
    ["ghcr.io/team/secret:1", "* */secret"],
    ["ghcr.io/team/secrets:1", "allowed"],
    ["ghcr.io/a/team/secret", "allowed"],
    ["ghcr.io/x:v0.1", "* ** /^v0/"],
    ["ghcr.io/x:v1", "allowed"],
    // A host without a port means the usual ones, so plain HTTP is no way round.
    ["hub.evil.example:80/a/b", "*.evil.example"],
    ["hub.evil.example:8080/a/b", "allowed"],
  ])("%s: %s", (image, expected) => {
    expect(verdict(some, image)).toBe(expected);
  });
});

describe("what is allowed", () => {
  const few = rules(
    ["docker.io library/**", "ghcr.io team/app v*", "quay.io a/b 1", "quay.io a/b"],
    ["docker.io library/alpine", "ghcr.io team/app v0*"],
  );

  it.each([
    ["docker.io/library/busybox:1", "allowed"],
    ["docker.io/library/busybox", "allowed"],
    ["docker.io/other/busybox:1", "notAllowed"],
    ["docker.io/other/busybox", "notAllowed"],
    ["ghcr.io/team/app:v1", "allowed"],
    ["ghcr.io/team/app:latest", "notAllowed"],
    ["ghcr.io/team/app", "byTag"],
    ["ghcr.io/team/other", "notAllowed"],
    ["quay.io/a/b:2", "allowed"],
    ["quay.io/a/b", "allowed"],
    ["mcr.microsoft.com/x:1", "notAllowed"],
    // A denial wins.
    ["docker.io/library/alpine:3", "docker.io library/alpine"],
    ["ghcr.io/team/app:v0.9", "ghcr.io team/app v0*"],
  ])("%s: %s", (image, expected) => {
    expect(verdict(few, image)).toBe(expected);
  });
});

it.each([
  [rules([]), "allowed"],
  [rules(["docker.io"]), "allowed"],
  [rules(["docker.io **"]), "allowed"],
  [rules(["docker.io library/**"]), "notAllowed"],
  [rules(["docker.io ** v*"]), "notAllowed"],
  [rules(["ghcr.io"]), "notAllowed"],
  [rules(["docker.io"], ["docker.io a/b"]), "denied"],
  [rules([], ["docker.io a/b latest"]), "allowed"],
])("paths that name no repository are allowed where every repository is (%#)", (of, expected) => {
  expect(of.judgeRegistry(registryOf("docker.io").name).kind).toBe(expected);
});

it("a malformed expression is refused when it is read", () => {
  expect(() => rules([], ["* * /(/"])).toThrow(SyntaxError);
});
