import { describe, expect, it } from "vitest";
import { takeGivenSockets } from "../../src/app/given-sockets.ts";

describe("sockets that systemd hands over", () => {
  it("are known by the names of our units, or by FileDescriptorName=", () => {
    const environment = {
      ...{ LISTEN_PID: "7", LISTEN_FDS: "3" },
      LISTEN_FDNAMES: "tls:entrepot.socket:entrepot-http.socket",
    };
    const given = takeGivenSockets(environment, 7);
    expect(given).toEqual({
      sockets: { tls: 3, clients: 4, http: 5, unknown: [] },
      warnings: [],
    });
    expect(environment).toEqual({});
  });

  it.each([
    ["are another process's", { LISTEN_PID: "8", LISTEN_FDS: "1", LISTEN_FDNAMES: "clients" }],
    ["are none", { LISTEN_PID: "7", LISTEN_FDS: "0" }],
    ["are no number", { LISTEN_PID: "7", LISTEN_FDS: "many" }],
    ["are not spoken of", {}],
  ])("are nothing when they %s, and no child hears of them", (_what, environment) => {
    expect(takeGivenSockets(environment, 7)).toEqual({ sockets: {}, warnings: [] });
    expect(environment).toEqual({});
  });

  it("of other names, and a second one for the same, are told", () => {
    const environment = {
      ...{ LISTEN_PID: "7", LISTEN_FDS: "3" },
      LISTEN_FDNAMES: "clients:clients:x",
    };
    const { sockets, warnings } = takeGivenSockets(environment, 7);
    expect(sockets).toEqual({ clients: 3, unknown: [4, 5] });
    expect(warnings).toEqual([
      "systemd handed over more than one socket clients; the first one is used, and who connects to another is turned away",
      expect.stringContaining("systemd handed over a socket x, of which nothing is known here"),
    ]);
  });
});
