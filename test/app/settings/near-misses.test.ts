import { describe, expect, it } from "vitest";
import { nearMisses } from "../../../src/app/settings/near-misses.ts";
import { load } from "./loading.ts";

const names = ["PORT", "HOST", "REGISTRIES", "TAG_TTL", "CACHE_MAX_SIZE", "CA_CERT", "TLS_CERT"];
const more = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PROXY_AUTH", "OFFLINE", "LOG_LEVEL"];
const all = [...names, ...more];

describe("a variable that is nearly a setting", () => {
  it.each([
    ["REGISTRYS", "REGISTRIES"],
    ["REGISTERIES", "REGISTRIES"],
    ["TAG_TLL", "TAG_TTL"],
    ["TAG-TTL", "TAG_TTL"],
    ["tag_ttl", "TAG_TTL"],
    ["CACHE_MAXSIZE", "CACHE_MAX_SIZE"],
    ["CACHE_MAX_SISE", "CACHE_MAX_SIZE"],
    ["HTTPS_PROXYS", "HTTPS_PROXY"],
  ])("%s is told of: %s was meant", (variable, meant) => {
    expect(nearMisses({ [variable]: "x" }, all)).toEqual([
      `${variable} is not a setting; did you mean ${meant}?`,
    ]);
  });

  it.each([
    ["PATH", "HOME", "TERM", "USER", "LANG", "PWD", "POST", "HOSTS", "SHELL", "HOSTNAME", "TZ"],
    [
      "GOPROXY",
      "FTP_PROXY",
      "ALL_PROXY",
      "SSL_CERT",
      "SSL_CERT_FILE",
      "SSL_CERT_DIR",
      "PROXY_PATH",
    ],
    ["REGISTRY", "REGISTRY_PORT", "ONLINE", "LOG_FILE", "CACHE_DIR", "NODE_OPTIONS", "MA_CERT"],
  ])("is none of %s, %s, %s …", (...variables) => {
    expect(nearMisses(Object.fromEntries(variables.map((one) => [one, "x"])), all)).toEqual([]);
  });

  it("is neither one that is right nor one that is empty", () => {
    expect(nearMisses({ TAG_TTL: "1 s", TAG_TLL: "" }, all)).toEqual([]);
  });
});

describe("the settings as loaded", () => {
  it("tell of near misses of any variable that is read", async () => {
    const { warnings } = await load({
      environment: { REGISTRYS: "a", AUTH_REGISTRYS_FILE: "b", CONFIG_FIEL: "c", PATH: "/bin" },
    });
    expect(warnings).toEqual([
      "REGISTRYS is not a setting; did you mean REGISTRIES?",
      "AUTH_REGISTRYS_FILE is not a setting; did you mean AUTH_REGISTRIES_FILE?",
      "CONFIG_FIEL is not a setting; did you mean CONFIG_FILE?",
    ]);
  });
});
