import { describe, expect, it } from "vitest";
import { parseRealm } from "../../../src/upstream/auth/realm.ts";
import { tokenRequest } from "../../../src/upstream/auth/token-request.ts";

function wanted(realmText: string, service: string, scopes: string[] = []) {
  const realm = parseRealm(realmText);
  if (realm === undefined) throw new Error("no realm");
  return { realm, service, scopes };
}

const basic = {
  authorization: "Basic CANARY",
  form: { grant_type: "password", username: "bob", password: "CANARY" },
};
const refresh = {
  authorization: undefined,
  form: { grant_type: "refresh_token", refresh_token: "CANARY" },
};

describe("a token request", () => {
  it.each([
    [
      wanted("https://auth.docker.io/token", "registry.docker.io", ["repository:a/b:pull"]),
      "/token?service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull",
    ],
    [
      wanted("https://nvcr.io/proxy_auth?group=x&offline_token=true", "", ["a:b:pull", "c:d:pull"]),
      "/proxy_auth?group=x&scope=a%3Ab%3Apull&scope=c%3Ad%3Apull",
    ],
    [
      wanted("https://a.example/t", "s&scope=repository:evil:pull&account=x\r\nHost: y #é"),
      "/t?service=s%26scope%3Drepository%3Aevil%3Apull%26account%3Dx%0D%0AHost%3A%20y%20%23%C3%A9",
    ],
    [wanted("https://a.example", ""), "/"],
  ])("for %o asks %s", (what, target) => {
    expect(tokenRequest(what, undefined)).toMatchObject({ method: "GET", target, form: undefined });
    expect(tokenRequest(what, undefined).headers.has("authorization")).toBe(false);
    expect(tokenRequest(what, basic).headers.get("authorization")).toEqual(["Basic CANARY"]);
  });

  it("posts a refresh token, and no secret stands in its path", () => {
    const what = wanted("https://a.example/t?x=y", "s", ["a:b:pull", "c:d:pull"]);
    const { method, target, form, headers } = tokenRequest(what, refresh);
    expect([method, target]).toEqual(["POST", "/t?x=y"]);
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
      client_id: "entrepot",
      service: "s",
      scope: "a:b:pull c:d:pull",
      grant_type: "refresh_token",
      refresh_token: "CANARY",
    });
    expect(headers.has("authorization")).toBe(false);
  });

  it("posts a password where GET is not known", () => {
    const { method, form } = tokenRequest(wanted("https://a.example/t", "s"), basic, true);
    expect(method).toBe("POST");
    expect(form).toContain("grant_type=password&username=bob&password=CANARY");
  });
});
