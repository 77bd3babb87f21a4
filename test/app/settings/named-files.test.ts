import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  namedFileProblems,
  readDockerConfig,
  readTrusted,
} from "../../../src/app/settings/named-files.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { settingsFrom } from "./loading.ts";

const { cert, key } = makeCertificate(["reg.lan"]);
const unreadable = "which cannot be read (ENOENT); write the path of a readable file";

describe("files that settings name", () => {
  it("are told of, each that is missing or is not what it should be, with its setting", async () => {
    const folder = await temporaryFolder();
    const wrong = join(folder, "wrong");
    await writeFile(wrong, "hello");
    const settings = await settingsFrom({
      ...{ TLS_PORT: "443", TLS_CERT: "/no/tls.crt", TLS_KEY: "/no/tls.key" },
      ...{ CA_CERT: "/no/ca.crt", CA_KEY: "/no/ca.key" },
      ...{ UPSTREAM_CA: `/no/up.pem ${wrong}`, DOCKER_CONFIG: wrong },
    });
    expect(await namedFileProblems(settings)).toEqual([
      `TLS_CERT names /no/tls.crt, ${unreadable}`,
      `TLS_KEY names /no/tls.key, ${unreadable}`,
      `CA_CERT names /no/ca.crt, ${unreadable}`,
      `CA_KEY names /no/ca.key, ${unreadable}`,
      `UPSTREAM_CA names /no/up.pem, ${unreadable}`,
      `UPSTREAM_CA names ${wrong}, which holds no certificate; write the path of a PEM file`,
      `DOCKER_CONFIG names ${wrong}, which holds no JSON object; write the path of a config.json as docker login makes it, or of its folder`,
    ]);
  });

  it("are not named where a login may stand in a file's place", async () => {
    const login = "ghcr.io:alice:CANARY";
    const settings = await settingsFrom({ UPSTREAM_CA: login, HOSTED_HTPASSWD: "alice:CANARY" });
    expect(await namedFileProblems(settings)).toEqual([
      `UPSTREAM_CA names a file, ${unreadable}`,
      `HOSTED_HTPASSWD names a file, ${unreadable}`,
    ]);
  });

  it("are fine where they are, folders too where those may be named", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "cert.pem"), cert);
    await writeFile(join(folder, "key.pem"), key);
    await writeFile(join(folder, "config.json"), "{}");
    const settings = await settingsFrom({
      ...{ TLS_PORT: "443", TLS_CERT: folder, DOCKER_CONFIG: folder },
      UPSTREAM_CA: join(folder, "cert.pem"),
    });
    expect(await namedFileProblems(settings)).toEqual([]);
    expect(await namedFileProblems(await settingsFrom({}))).toEqual([]);
    expect(await readTrusted("UPSTREAM_CA", join(folder, "cert.pem"))).toBe(cert);
    expect(await readDockerConfig(folder)).toEqual({ entries: [], store: undefined });
  });
});
