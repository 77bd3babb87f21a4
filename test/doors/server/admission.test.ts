import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { DoorError } from "../../../src/doors/door-error.ts";
import { Admission, addressRanges, clientAddress } from "../../../src/doors/server/admission.ts";

describe("who may come in without ALLOW_CLIENTS", () => {
  const admission = new Admission();

  it.each([
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.1.1",
    "fd12::1",
    "fe80::1",
  ])("%s", (address) => expect(admission.mayEnter(address)).toBe(true));

  it.each(["203.0.113.7", "8.8.8.8", "172.32.0.1", "11.0.0.1", "2001:db8::1", "", "nonsense"])(
    "not %j",
    (address) => expect(admission.mayEnter(address)).toBe(false),
  );
});

it("ALLOW_CLIENTS replaces the usual ranges, and takes single addresses", () => {
  const admission = new Admission({ allowClients: ["203.0.113.0/24", "2001:db8::7"] });
  expect(admission.mayEnter("203.0.113.200")).toBe(true);
  expect(admission.mayEnter("2001:db8:0::7")).toBe(true);
  expect(admission.mayEnter("2001:db8::8")).toBe(false);
  expect(admission.mayEnter("127.0.0.1")).toBe(false);
});

it.each(["10.0.0.0/33", "fd00::/129", "lan", "10.0.0", "", "10.0.0.0/8/8"])(
  "the range %j is refused with a sentence",
  (text) => {
    expect(() => addressRanges([text])).toThrow(DoorError);
    expect(() => addressRanges([text])).toThrow(/write 10\.0\.0\.0\/8/);
  },
);

it("IPv4 on a dual-stack listener is IPv4, and a zone is no part of an address", () => {
  expect(clientAddress({ remoteAddress: "::ffff:10.1.2.3" })).toBe("10.1.2.3");
  expect(clientAddress({ remoteAddress: "fe80::1%eth0" })).toBe("fe80::1");
  expect(clientAddress({})).toBe("");
  expect(addressRanges(["10.0.0.0/8"]).has("10.1.2.3")).toBe(true);
});

describe("the proxy login", () => {
  const admission = new Admission({ proxyLogins: ["bob:CANARY-a:b", "eve:CANARY-ü"] });
  const basic = (login: string) => `Basic ${Buffer.from(login).toString("base64")}`;

  it.each(["bob:CANARY-a:b", "eve:CANARY-ü"])("%s opens", (login) => {
    expect(admission.hasLogin(basic(login))).toBe(true);
    expect(admission.hasLogin(basic(login).replace("Basic", "bASIC"))).toBe(true);
  });

  it.each([undefined, "", "Basic", "Basic !", basic("bob:"), basic("bob:CANARY-a"), "Bearer x"])(
    "%s does not",
    (header) => expect(admission.hasLogin(header)).toBe(false),
  );

  it("is not asked for when none is set", () => {
    expect(new Admission().hasLogin(undefined)).toBe(true);
    expect(new Admission().asksForLogin).toBe(false);
  });

  it("without a password in the setting is refused, and the setting is not repeated", () => {
    expect(() => new Admission({ proxyLogins: ["CANARY-secret"] })).toThrow(/user:password/);
    expect(() => new Admission({ proxyLogins: ["CANARY-secret"] })).not.toThrow(/CANARY/);
  });
});

/** A connection on which somebody is being answered, if there is a place for it. */
function enterBusy(admission: Admission, client: string, connection = new PassThrough()): boolean {
  const isIn = admission.enter(client, connection);
  admission.occupy(connection);
  return isIn;
}

it("a client has at most so many connections at once; loopback as many as it likes", () => {
  const admission = new Admission({ maxPerClient: 2 });
  const first = new PassThrough();
  expect(enterBusy(admission, "10.0.0.1", first)).toBe(true);
  expect(enterBusy(admission, "10.0.0.1")).toBe(true);
  expect(enterBusy(admission, "10.0.0.1")).toBe(false);
  expect(enterBusy(admission, "10.0.0.2")).toBe(true);
  first.emit("close");
  expect(enterBusy(admission, "10.0.0.1")).toBe(true);
  for (let count = 0; count < 9; count += 1) {
    expect(enterBusy(admission, "127.0.0.1")).toBe(true);
  }
});

describe("who comes by a container's gateway", () => {
  const gateways = new Set(["172.17.0.1"]);

  it("shares no client's limit, since it may be anybody", () => {
    const admission = new Admission({ maxPerClient: 1, gateways });
    for (const client of ["172.17.0.1", "172.17.0.1", "172.17.0.2"])
      expect(enterBusy(admission, client)).toBe(true);
    expect(enterBusy(admission, "172.17.0.2")).toBe(false);
  });

  it("is told of once", () => {
    const told: string[] = [];
    const admission = new Admission({ gateways, onGateway: (client) => told.push(client) });
    for (const client of ["172.17.0.2", "172.17.0.1", "172.17.0.1"])
      admission.enter(client, new PassThrough());
    expect(told).toEqual(["172.17.0.1"]);
  });
});
