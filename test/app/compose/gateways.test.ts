import { expect, it } from "vitest";
import { gatewaysIn } from "../../../src/app/compose/gateways.ts";

const routes = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
`;
const routes6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

it("the gateways are those of the default routes, spelt as sockets spell them", () => {
  expect([...gatewaysIn(routes, routes6)]).toEqual(["172.17.0.1", "fd00::1"]);
});

it("without a default route, or without anything to read, there is none", () => {
  const none = routes.split("\n").slice(0, 1).join("\n");
  expect([...gatewaysIn(none, ""), ...gatewaysIn("", "")]).toEqual([]);
});
