import { describe, expect, it } from "vitest";
import { parseImageName } from "../../../src/doors/back-office/image-name.ts";

const digest = `sha256:${"a".repeat(64)}`;

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
    const name = parseImageName(text);
    expect(name && `${name.registry} ${name.repository} ${name.reference}`).toBe(meant);
  });
});
