import { describe, expect, it } from "vitest";
import { parseImageName } from "../../../src/doors/back-office/image-name.ts";
import { canonicalRegistry } from "../../../src/protocol/registry-name.ts";
import type { ImageName } from "../../../src/store/catalogue-store.ts";

const digest = `sha256:${"a".repeat(64)}`;

function shown(name: ImageName | undefined): string | undefined {
  return name && `${name.registry} ${name.repository} ${name.reference}`;
}

describe("the name of an image", () => {
  it.each([
    ["alpine", "docker.io library/alpine latest"],
    ["docker.io/alpine:3.20", "docker.io library/alpine 3.20"],
    ["owner/app", "docker.io owner/app latest"],
    ["ghcr.io/owner/app:v1", "ghcr.io owner/app v1"],
    ["localhost:5000/a:1", "localhost:5000 a 1"],
    [`ghcr.io/owner/app:v1@${digest}`, `ghcr.io owner/app ${digest}`],
    [`alpine@${digest}`, `docker.io library/alpine ${digest}`],
    ["UPPER/case", undefined],
    ["alpine:", undefined],
    ["alpine@sha256:short", undefined],
    ["", undefined],
  ])("%s is %s", (text, meant) => {
    expect(shown(parseImageName(text))).toBe(meant);
  });

  it.each([
    ["hub.lan/alpine:3.20", "docker.io library/alpine 3.20"],
    ["Hub.lan:3128/owner/app", "docker.io owner/app latest"],
    ["other.lan/alpine:3.20", "other.lan alpine 3.20"],
  ])("%s is %s where hub.lan stands for Docker Hub", (text, meant) => {
    const standsFor = (host: string) =>
      host === "hub.lan" ? canonicalRegistry("docker.io") : undefined;
    expect(shown(parseImageName(text, standsFor))).toBe(meant);
  });
});
