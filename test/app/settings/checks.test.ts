import { describe, expect, it } from "vitest";
import { problemsOf } from "./loading.ts";

const acme = { ACME_DIRECTORY: "https://acme", ACME_DOMAINS: "a.example.com", TLS_PORT: "443" };
const dnsService = {
  ...acme,
  ACME_CHALLENGE: "dns-01",
  ACME_DNS_PROVIDER: "https://dns.example/acme",
};
const dnsLogin = { HTTPREQ_USERNAME: "u", HTTPREQ_PASSWORD: "CANARY-p" };

describe("settings that do not fit together", () => {
  it.each<[Record<string, string>, RegExp]>([
    [{ TLS_PORT: "3128" }, /^PORT and TLS_PORT are both 3128/],
    [{ TLS_KEY: "k", TLS_PORT: "443" }, /^TLS_KEY stands alone/],
    [{ TLS_CERT: "c", TLS_KEY: "k" }, /write a TLS_PORT, such as 443$/],
    [{ TLS_CLIENT_CA: "c" }, /^TLS_CLIENT_CA is set but nothing speaks TLS/],
    [{ CA_CERT: "c" }, /^CA_CERT stands alone; write CA_KEY too/],
    [{ CA_KEY: "k" }, /^CA_KEY stands alone; write CA_CERT too/],
    [{ ACME_DOMAINS: "a.example.com" }, /^ACME_DOMAINS is set but nothing speaks TLS/],
    [{ ...acme, ACME_DOMAINS: "*.example.com" }, /ACME_CHALLENGE=dns-01 for it$/],
    [
      { ...acme, ACME_CHALLENGE: "dns-01", ACME_DNS_PROVIDER: "cloudflare" },
      /as CLOUDFLARE_API_TOKEN$/,
    ],
    [{ ACME_DIRECTORY: "https://acme", TLS_PORT: "443" }, /as ACME_DOMAINS$/],
    [{ ...acme, TLS_PORT: "" }, /nothing speaks TLS/],
    [{ ...acme, TLS_CERT: "c" }, /keep one of them$/],
    [{ ...acme, ACME_CHALLENGE: "dns-01" }, /as ACME_DNS_PROVIDER$/],
    [{ ...dnsService, ACME_DNS_PROVIDER: "https://u:CANARY-p@dns.example" }, /as HTTPREQ_USERNAME/],
    [{ ...dnsService, HTTPREQ_USERNAME: "u" }, /write HTTPREQ_PASSWORD too$/],
    [
      { ...dnsService, ...dnsLogin, ACME_DNS_PROVIDER: "http://dns.example" },
      /HTTPREQ_PASSWORD would go in the clear/,
    ],
    [{ AUTH_REGISTRIES: "ghcr.io:u" }, /^entry 1 of AUTH_REGISTRIES has no password/],
    [{ AUTH_REGISTRIES: "ghcr.io:u:p ghcr.io:v:q" }, /two credentials for ghcr.io/],
    [
      { REGISTRIES: "http://reg.lan:5000", AUTH_REGISTRIES: "reg.lan:5000:u:p" },
      /^there is a login for reg\.lan:5000, which REGISTRIES has with http:\/\/.*remove one of them$/,
    ],
    [{ MIRROR_LOGIN: "x.lan" }, /^MIRROR_LOGIN is "x.lan"; write one of the names in MIRROR_HOSTS/],
    [{ MIRROR_LOGIN: "docker.io" }, /^MIRROR_LOGIN is "docker.io"/],
  ])("%o", async (environment, sentence) => {
    expect(await problemsOf({ environment })).toEqual([expect.stringMatching(sentence)]);
  });

  it.each<[Record<string, string>]>([
    [{ TLS_CERT: "/folder", TLS_PORT: "443" }],
    [{ REGISTRIES: "http://reg.lan:5000", AUTH_REGISTRIES: "reg.lan:u:p" }],
    [acme],
    [{ MIRROR_DEFAULT: "reg.lan:5000", MIRROR_LOGIN: "reg.lan:5000" }],
    [{ MIRROR_HOSTS: "m.lan=docker.io", MIRROR_LOGIN: "M.lan" }],
  ])("%o do", async (environment) => {
    expect(await problemsOf({ environment })).toEqual([]);
  });
});
