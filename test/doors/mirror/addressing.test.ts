import { describe, expect, it } from "vitest";
import {
  type Addressed,
  addressMirror,
  type MirrorRules,
} from "../../../src/doors/mirror/addressing.ts";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { canonicalRegistry, type RegistryName } from "../../../src/protocol/registry-name.ts";

const known = new Set(["docker.io", "ghcr.io", "quay.io", "plain.lan:5000", "registry"]);

describe("the default registry", () => {
  it.each([
    ["/v2/", "docker.io", "/v2/"],
    ["/v2", "docker.io", "/v2/"],
    ["/v2/alpine/manifests/3.20", "docker.io", "/v2/library/alpine/manifests/3.20"],
    ["/v2/library/alpine/manifests/3.20", "docker.io", "/v2/library/alpine/manifests/3.20"],
    ["/v2/alpine/blobs/sha256:ab", "docker.io", "/v2/library/alpine/blobs/sha256:ab"],
    ["/v2/alpine/tags/list?n=5", "docker.io", "/v2/library/alpine/tags/list?n=5"],
    ["/v2/manifests/manifests/latest", "docker.io", "/v2/library/manifests/manifests/latest"],
    ["/v2/me/app/manifests/1", "docker.io", "/v2/me/app/manifests/1"],
    ["/v2/me/manifests/blobs/sha256:ab", "docker.io", "/v2/me/manifests/blobs/sha256:ab"],
    ["/v2/_catalog", "docker.io", "/v2/_catalog"],
  ])("%s is at %s", (target, registry, upstream) => {
    expect(addressMirror(target, undefined, rules())).toMatchObject({
      registry: { name: registry, scheme: "https" },
      target: upstream,
      view: { repositoryPrefix: "", namespace: undefined },
    });
  });

  it.each([
    ["/v2/alpine/tags/list", true],
    ["/v2/library/alpine/tags/list", false],
    ["/v2/me/app/tags/list", false],
  ])("%s leaves library/ away: %s", (target, isLibraryImplied) => {
    expect(addressed(target, undefined, rules()).view).toMatchObject({ isLibraryImplied });
  });
});

describe("a path prefix", () => {
  it.each([
    ["/v2/ghcr.io/owner/app/manifests/1", "ghcr.io", "/v2/owner/app/manifests/1", "ghcr.io/"],
    [
      "/v2/docker.io/alpine/manifests/1",
      "docker.io",
      "/v2/library/alpine/manifests/1",
      "docker.io/",
    ],
    [
      "/v2/index.docker.io/me/app/manifests/1",
      "docker.io",
      "/v2/me/app/manifests/1",
      "index.docker.io/",
    ],
    [
      "/v2/unknown.example/app/manifests/1",
      "unknown.example",
      "/v2/app/manifests/1",
      "unknown.example/",
    ],
    ["/v2/lab:5000/app/manifests/1", "lab:5000", "/v2/app/manifests/1", "lab:5000/"],
    ["/v2/localhost/app/manifests/1", "localhost", "/v2/app/manifests/1", "localhost/"],
    ["/v2/registry/app/manifests/1", "registry", "/v2/app/manifests/1", "registry/"],
  ])("%s is at %s", (target, registry, upstream, repositoryPrefix) => {
    const one = addressed(target, undefined, rules());
    expect(one).toMatchObject({ target: upstream, view: { repositoryPrefix } });
    expect(one.registry.name).toBe(registry);
  });

  it("is spoken to over plain HTTP when the operator said so", () => {
    const one = addressed("/v2/plain.lan:5000/app/tags/list", undefined, rules());
    expect(one.registry).toEqual({ name: "plain.lan:5000", scheme: "http" });
  });

  it("with another default registry is only what is known: a dotted group stays a group", () => {
    const corp = rules({ defaultName: named("corp.example") });
    expect(addressMirror("/v2/my.group/app/tags/list", undefined, corp)).toMatchObject({
      registry: { name: "corp.example" },
      target: "/v2/my.group/app/tags/list",
    });
    expect(addressed("/v2/ghcr.io/app/x/tags/list", undefined, corp).registry.name).toBe("ghcr.io");
  });
});

describe("the repository that a blob is mounted from", () => {
  const blob = "mount=sha256:ab";
  it.each([
    ["/v2/ghcr.io/o/app/blobs/uploads/", `${blob}&from=ghcr.io%2Fo%2Fother`, "from=o%2Fother"],
    ["/v2/lab:5000/app/blobs/uploads/", `${blob}&from=lab:5000/other`, "from=other"],
    ["/v2/docker.io/app/blobs/uploads/", `${blob}&from=docker.io/base`, "from=library%2Fbase"],
    ["/v2/app/blobs/uploads/", `${blob}&from=base`, "from=library%2Fbase"],
    ["/v2/app/blobs/uploads/", `${blob}&from=me/base`, "from=me/base"],
    ["/v2/ghcr.io/o/app/blobs/uploads/", `${blob}&from=quay.io/o/x`, "from=quay.io/o/x"],
    ["/v2/ghcr.io/o/app/blobs/uploads/", `${blob}&from=%`, "from=%"],
    ["/v2/o/app/blobs/uploads/", `from=o/other&ns=ghcr.io&${blob}`, "from=o/other"],
    ["/v2/ghcr.io/o/app/tags/list", `${blob}&from=ghcr.io/o/x`, "from=ghcr.io/o/x"],
  ])("%s?%s is as the upstream names it", (path, query, from) => {
    const { target } = addressed(`${path}?${query}`, undefined, rules());
    const parameters = target.split("?")[1]?.split("&");
    expect(parameters?.toSorted()).toEqual([from, blob].toSorted());
  });
});

describe("?ns=", () => {
  it("twice, and of two minds, is refused; twice the same is one", () => {
    expect(addressMirror("/v2/a/tags/list?ns=quay.io&ns=ghcr.io", undefined, rules())).toEqual({
      status: 400,
      sentence: "?ns= is there more than once, and names different registries",
    });
    const twice = addressed("/v2/a/tags/list?ns=quay.io&n=1&ns=quay.io", undefined, rules());
    expect([twice.name, twice.target]).toEqual(["quay.io", "/v2/a/tags/list?n=1"]);
  });

  it.each([
    ["/v2/o/app/manifests/1?ns=ghcr.io", "ghcr.io", "/v2/o/app/manifests/1"],
    ["/v2/app/manifests/1?ns=docker.io", "docker.io", "/v2/library/app/manifests/1"],
    ["/v2/a/b/tags/list?n=1&ns=quay.io&last=x", "quay.io", "/v2/a/b/tags/list?n=1&last=x"],
    ["/v2/a/tags/list?ns=lab.example%3A8443", "lab.example:8443", "/v2/a/tags/list"],
    ["/v2/ghcr.io/o/app/manifests/1?ns=ghcr.io", "ghcr.io", "/v2/o/app/manifests/1"],
    ["/v2/my.group/app/manifests/1?ns=lab.example", "lab.example", "/v2/my.group/app/manifests/1"],
    ["/v2/lab.example/app/manifests/1?ns=lab.example", "lab.example", "/v2/app/manifests/1"],
    ["/v2/?ns=quay.io", "quay.io", "/v2/"],
  ])("%s is at %s", (target, registry, upstream) => {
    const one = addressed(target, undefined, rules());
    expect(one.registry.name).toBe(registry);
    expect(one.target).toBe(upstream);
    expect(one.view.namespace).toBeDefined();
  });

  it.each(["", "a%00b", "%", "a b", "$(id)", "127.1"])("%j is refused", (namespace) => {
    const target = `/v2/a/tags/list?ns=${encodeURI(namespace)}`;
    expect(addressMirror(target, undefined, rules())).toMatchObject({ status: 400 });
  });
});

describe("a virtual host", () => {
  const virtualHosts = [
    { host: "quay.registry.example", name: named("quay.io"), isLogin: false },
    { host: "corp.registry.example", name: named("corp.example:5000"), isLogin: true },
  ];

  it("stands for its registry, whatever the port, and its paths are the registry's own", () => {
    const host = parseHostPort("quay.registry.example:3128");
    const one = addressed("/v2/ghcr.io/x/tags/list?ns=quay.io", host, rules({ virtualHosts }));
    expect(one.registry.name).toBe("quay.io");
    expect(one.target).toBe("/v2/ghcr.io/x/tags/list");
  });

  it("is a path prefix too, which takes no login, unless a group could be called so", () => {
    const names = [...virtualHosts, { host: "hub", name: named("quay.io"), isLogin: false }];
    const all = rules({ virtualHosts: names });
    const one = addressed("/v2/corp.registry.example/team/app/manifests/1", undefined, all);
    expect(one).toMatchObject({
      registry: { name: "corp.example:5000" },
      target: "/v2/team/app/manifests/1",
      view: { repositoryPrefix: "corp.registry.example/" },
      isLogin: false,
    });
    expect(addressed("/v2/hub/app/manifests/1", undefined, all).registry.name).toBe("docker.io");
  });

  it.each(["ghcr.io", "docker.io", "quay.io:5000"])(
    "is no place for what ?ns= calls %s, so that containerd goes on to that itself",
    (namespace) => {
      const host = parseHostPort("quay.registry.example", 443);
      const target = `/v2/foo/bar/manifests/latest?ns=${namespace}`;
      const answer = addressMirror(target, host, rules({ virtualHosts }));
      expect(answer).toMatchObject({
        status: 404,
        sentence: expect.stringContaining(`quay.registry.example=quay.io?ns=${namespace}`),
      });
    },
  );

  it("may be told that it stands for what clients call by another name", () => {
    const mapped = { host: "hub.example", name: named("mirror.gcr.io"), isLogin: false };
    const virtual = { virtualHosts: [{ ...mapped, namespace: named("docker.io") }] };
    const host = parseHostPort("hub.example", 443);
    for (const namespace of ["docker.io", "mirror.gcr.io", "hub.example"]) {
      const target = `/v2/foo/bar/manifests/latest?ns=${namespace}`;
      expect(addressed(target, host, rules(virtual)).registry.name).toBe("mirror.gcr.io");
    }
  });

  it("takes logins when it was told to; path prefixes never do", () => {
    const host = parseHostPort("corp.registry.example", 443);
    expect(addressed("/v2/", host, rules({ virtualHosts })).isLogin).toBe(true);
    const corp = rules({ defaultName: named("corp.example"), isDefaultLogin: true });
    expect(addressed("/v2/a/tags/list", undefined, corp).isLogin).toBe(true);
    expect(addressed("/v2/quay.io/a/tags/list", undefined, corp).isLogin).toBe(false);
    expect(addressed("/v2/a/tags/list?ns=quay.io", undefined, corp).isLogin).toBe(false);
  });
});

function addressed(...its: Parameters<typeof addressMirror>): Addressed {
  const answer = addressMirror(...its);
  if ("sentence" in answer) throw new TypeError(answer.sentence);
  return answer;
}

function named(text: string): RegistryName {
  const name = canonicalRegistry(text);
  if (name === undefined) throw new TypeError(text);
  return name;
}

function rules(changes: Partial<MirrorRules> = {}): MirrorRules {
  return {
    virtualHosts: [],
    defaultName: named("docker.io"),
    isDefaultLogin: false,
    isKnown: (name: RegistryName) => known.has(name),
    registryOf: (name) => ({ name, scheme: name.startsWith("plain.") ? "http" : "https" }),
    ...changes,
  };
}
