/**
 * The gateways of a container. Where an engine passes connections on by itself (a published port's proxy,
 * rootless, Docker Desktop), every client seems to be the gateway: one address that stands for a crowd.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import type { AdmissionOptions } from "../../doors/server/admission.ts";
import { privateNetworks } from "../settings/access.ts";

/** What admission is to know of them; `warn` is called once, when the first client comes that way. */
export async function crowds(
  allowClients: readonly string[],
  warn: (sentence: string) => void,
): Promise<Pick<AdmissionOptions, "gateways" | "onGateway">> {
  const gateways = await containerGateways();
  // Whoever wrote a list of their own knows who comes how.
  if (allowClients.join(" ") !== privateNetworks) return { gateways };
  return { gateways, onGateway: (client) => warn(sentenceAbout(client)) };
}

/** Empty outside of containers, where the gateway is a neighbour like any other. */
async function containerGateways(): Promise<ReadonlySet<string>> {
  if (!["/.dockerenv", "/run/.containerenv"].some((mark) => existsSync(mark))) return new Set();
  const [routes, routes6] = await Promise.all(
    ["/proc/net/route", "/proc/net/ipv6_route"].map((path) =>
      readFile(path, "utf8").catch(() => ""),
    ),
  );
  return gatewaysIn(routes ?? "", routes6 ?? "");
}

/** Of the default routes, as `/proc/net/route` and `/proc/net/ipv6_route` have them. */
export function gatewaysIn(routes: string, routes6: string): ReadonlySet<string> {
  const four = routes.split("\n").flatMap((line) => {
    const [, to, gateway = ""] = line.split(/\s+/);
    const isOne = to === "00000000" && /^[0-9A-F]{8}$/i.test(gateway);
    return isOne && gateway !== "00000000" ? [addressOf(gateway)] : [];
  });
  const six = routes6.split("\n").flatMap((line) => {
    const [to = "", length, , , gateway = ""] = line.split(/\s+/);
    const isOne = /^0{32}$/.test(to) && length === "00" && /^[0-9a-f]{32}$/i.test(gateway);
    return isOne && !/^0+$/.test(gateway) ? address6Of(gateway) : [];
  });
  return new Set([...four, ...six]);
}

/** The machine's own order of bytes, which is little-endian wherever this runs. */
function addressOf(hex: string): string {
  return [...Buffer.from(hex, "hex")].reverse().join(".");
}

/** Spelt as sockets spell it. */
function address6Of(hex: string): readonly string[] {
  const written = hex.match(/.{4}/g)?.join(":") ?? "";
  return isIPv6(written) ? [new URL(`http://[${written}]`).hostname.slice(1, -1)] : [];
}

function sentenceAbout(client: string): string {
  return `clients come as ${client}, the gateway of this container, so nobody sees who they are, and ALLOW_CLIENTS lets in whoever reaches the published port; publish it on an address of your own network, as in -p 192.168.1.10:3128:3128, or use the host's network`;
}
