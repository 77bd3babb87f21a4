import { describe, expect, it } from "vitest";
import { archivePlace } from "../../../src/app/settings/archive-place.ts";
import { loadSettings } from "../../../src/app/settings/load.ts";

async function loaded(environment: Readonly<Record<string, string>>) {
  return await loadSettings({
    ...{ flags: new Map(), environment, settingsFile: undefined },
    readFile: async (path) => `CANARY-from-${path}\n`,
  });
}

async function placeIn(environment: Readonly<Record<string, string>>) {
  return archivePlace((await loaded(environment)).settings);
}

const minio = {
  ...{ REGISTRY_STORAGE: "s3", REGISTRY_STORAGE_S3_BUCKET: "registry" },
  ...{ REGISTRY_STORAGE_S3_REGION: "eu-west-1", REGISTRY_STORAGE_S3_REGIONENDPOINT: "minio:9000" },
  ...{ REGISTRY_STORAGE_S3_ACCESSKEY: "minio", REGISTRY_STORAGE_S3_SECRETKEY: "CANARY-minio" },
};

describe("where the archive is", () => {
  it.each([{}, { STORE: "disk" }, { REGISTRY_STORAGE: "filesystem" }])(
    "nowhere with %j",
    async (environment) => {
      expect(await placeIn(environment)).toBeUndefined();
    },
  );

  it("a bucket at Amazon, with the machine's own login", async () => {
    expect(await placeIn({ STORE: "s3://images" })).toEqual({
      ...{ bucket: "images", prefix: "", endpoint: undefined, region: "us-east-1" },
      ...{ isPathStyle: false, login: undefined },
    });
  });

  it("a folder of a bucket elsewhere, with a login of its own", async () => {
    const STORE = "s3://images/a//b/?endpoint=http://minio:9000&region=eu-west-1";
    const login = { S3_ACCESS_KEY: "me", S3_SECRET_KEY_FILE: "/run/secret" };
    expect(await placeIn({ STORE, ...login })).toEqual({
      ...{ bucket: "images", prefix: "a/b", endpoint: "http://minio:9000", region: "eu-west-1" },
      ...{ isPathStyle: true, login: { accessKey: "me", secretKey: "CANARY-from-/run/secret" } },
    });
  });

  it("where Docker's registry has its own, in a folder beside that", async () => {
    expect(await placeIn(minio)).toEqual({
      ...{ bucket: "registry", prefix: "entrepot", endpoint: "https://minio:9000" },
      ...{ region: "eu-west-1", isPathStyle: true },
      login: { accessKey: "minio", secretKey: "CANARY-minio" },
    });
    const more = {
      ...{ REGISTRY_STORAGE_S3_SECURE: "false", REGISTRY_STORAGE_S3_ROOTDIRECTORY: "/cache/" },
    };
    expect(await placeIn({ ...minio, ...more })).toMatchObject({
      ...{ endpoint: "http://minio:9000", prefix: "cache/entrepot" },
    });
    const written = { REGISTRY_STORAGE_S3_REGIONENDPOINT: "http://minio:9000" };
    expect(await placeIn({ ...minio, ...written })).toMatchObject({
      endpoint: "http://minio:9000",
    });
  });

  it("where STORE says, whatever Docker's registry has", async () => {
    expect(await placeIn({ ...minio, STORE: "disk" })).toBeUndefined();
  });

  it("names what else is set for Docker's registry and has no meaning here", async () => {
    const { warnings } = await loaded({ ...minio, REGISTRY_STORAGE_S3_ENCRYPT: "true" });
    expect(warnings).toEqual([
      "REGISTRY_STORAGE_S3_ENCRYPT has no effect here; STORE says where images are kept",
    ]);
  });
});

describe("a STORE that makes no sense", () => {
  it.each([
    [{ STORE: "minio" }, "STORE is neither disk nor an address in S3; write disk, or a bucket"],
    [{ STORE: "s3://ab" }, "STORE has no bucket's name; write a bucket such as"],
    [{ STORE: "s3://images?regoin=x" }, "STORE has an unknown field regoin; write endpoint"],
    [
      { STORE: "s3://me:CANARY-secret@images" },
      "STORE has a login in it; write that as S3_ACCESS_KEY and S3_SECRET_KEY",
    ],
    [
      { STORE: "s3://images?endpoint=a b" },
      "STORE has an endpoint that is no address; write an endpoint such as http://minio:9000",
    ],
    [
      { STORE: "s3://images", S3_ACCESS_KEY: "me" },
      "S3_ACCESS_KEY stands alone; write S3_SECRET_KEY too",
    ],
    [
      { REGISTRY_STORAGE: "s3" },
      "REGISTRY_STORAGE is s3; write the bucket as REGISTRY_STORAGE_S3_BUCKET, or STORE",
    ],
    [
      { ...minio, REGISTRY_STORAGE_S3_REGIONENDPOINT: "a b" },
      "REGISTRY_STORAGE_S3_REGIONENDPOINT has an endpoint that is no address",
    ],
  ])("stops the start with a sentence: %j", async (environment, sentence) => {
    const error = await loaded(environment as Readonly<Record<string, string>>).catch(
      (each) => each,
    );
    expect(error.problems.join("\n")).toContain(sentence);
    expect(error.problems.join("\n")).not.toContain("CANARY");
  });
});
