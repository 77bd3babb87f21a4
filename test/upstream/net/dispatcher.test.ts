import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import type { HostPort } from "../../../src/protocol/http/host-port.ts";
import {
  type RegistryName,
  registryNameOf,
  type Scheme,
} from "../../../src/protocol/registry-name.ts";
import {
  CorporateProxies,
  type CorporateProxy,
  type ProxySettings,
} from "../../../src/upstream/net/corporate-proxy.ts";
import { OriginPools } from "../../../src/upstream/net/dispatcher.ts";
import { Transport } from "../../../src/upstream/net/transport.ts";
import { buildRig, listening, outgoing, rejection } from "../rig.ts";

const ghcr: HostPort = { host: "ghcr.io", port: 443 };
const cdn: HostPort = { host: "cdn.example", port: 443 };
const quay: HostPort = { host: "quay.io", port: 443 };

function pools(settings: Partial<ProxySettings> = {}, named: readonly string[] = []): OriginPools {
  const { dialer, tls } = buildRig({ named });
  const proxies = new CorporateProxies({
    https: undefined,
    http: undefined,
    except: "",
    perRegistry: new Map(),
    ...settings,
  });
  const built = new OriginPools({ dialer, tls, proxies });
  onTestFinished(() => built.close());
  return built;
}

describe("pools of connections", () => {
  it("are one for each origin and registry in whose name it is asked", () => {
    const origins = pools();
    const [one, same, other] = [ghcr, ghcr, quay].map(
      (registry) => origins.outlet(origin("https", cdn, registryNameOf(registry))).dispatcher,
    );
    expect(one).toBe(same);
    expect(one).not.toBe(other);
    expect(origins.outlet(origin("http", cdn, registryNameOf(ghcr))).dispatcher).not.toBe(one);
  });

  it("that are not used make room for others", () => {
    const origins = pools();
    const name = registryNameOf(ghcr);
    const first = origins.outlet(origin("https", ghcr, name)).dispatcher;
    for (let index = 0; index < 512; index++) {
      origins.outlet(origin("https", { host: `h${index}.example`, port: 443 }, name));
    }
    expect(origins.outlet(origin("https", ghcr, name)).dispatcher).not.toBe(first);
  });

  it("are not made for what may not be dialled, whoever asks for it again and again", () => {
    const origins = pools();
    const forbidden = origin("https", { host: "10.1.2.3", port: 443 }, registryNameOf(ghcr));
    expect(() => origins.outlet(forbidden)).toThrow("10.1.2.3 is a private address");
  });

  it("ask a corporate proxy in absolute form for plain http alone", () => {
    const proxy: CorporateProxy = {
      scheme: "http",
      address: { host: "proxy.corp", port: 8080 },
      authorization: "Basic x",
    };
    const origins = pools({ http: proxy, https: proxy });
    const name = registryNameOf(ghcr);
    expect(origins.outlet(origin("http", { host: "a.example", port: 80 }, name))).toMatchObject({
      pathPrefix: "http://a.example",
      headers: ["proxy-authorization", "Basic x"],
    });
    expect(origins.outlet(origin("https", ghcr, name))).toMatchObject({
      pathPrefix: "",
      headers: [],
    });
  });

  it("end what is under way when they are closed", async () => {
    const arrived = Promise.withResolvers<void>();
    const address = await listening(createServer(() => arrived.resolve()));
    const origins = pools({}, [`${address.host}:${address.port}`]);
    const transport = new Transport({
      pools: origins,
      observe: () => undefined,
      now: () => performance.now(),
    });
    const failed = rejection(transport.send(outgoing(address)));
    await arrived.promise;
    await origins.close();
    expect(await failed).toMatchObject({ code: "ABORTED" });
  });
});

function origin(scheme: Scheme, address: HostPort, onBehalfOf: RegistryName) {
  return { scheme, address, onBehalfOf };
}
