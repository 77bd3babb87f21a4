/** A DNS server on loopback that knows some names, says of others that there are none, and can fall silent. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { onTestFinished } from "vitest";

export type DnsServer = {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** The questions it got, as `name A` or `name AAAA`. */
  readonly asked: string[];
  /** Name to IPv4 address. */
  readonly names: Map<string, string>;
  /** Kinds of questions it leaves unanswered. */
  readonly silentAbout: Set<"A" | "AAAA">;
};

export async function startDnsServer(names: Readonly<Record<string, string>>): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const server = {
    ...{ asked: [] as string[], names: new Map(Object.entries(names)) },
    silentAbout: new Set<"A" | "AAAA">(),
  };
  socket.on("message", (query, { address, port }) => {
    const { name, kind, end } = questionOf(query);
    server.asked.push(`${name} ${kind}`);
    if (server.silentAbout.has(kind)) return;
    const found = server.names.get(name);
    socket.send(answerTo(query, end, { found, kind }), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return { ...server, address: `127.0.0.1:${socket.address().port}` };
}

/** RFC 1035 section 4.1.2. */
function questionOf(query: Buffer) {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const kind = query.readUInt16BE(at + 1) === 28 ? ("AAAA" as const) : ("A" as const);
  return { name: labels.join("."), kind, end: at + 5 };
}

type Answer = { readonly found: string | undefined; readonly kind: "A" | "AAAA" };

function answerTo(query: Buffer, end: number, { found, kind }: Answer): Buffer {
  const reply = Buffer.from(query.subarray(0, end));
  const hasAddress = found !== undefined && kind === "A";
  // An answer, recursion available; NXDOMAIN for a name that is not there.
  reply.writeUInt16BE(found === undefined ? 0x8183 : 0x8180, 2);
  reply.writeUInt16BE(hasAddress ? 1 : 0, 6);
  reply.writeUInt32BE(0, 8);
  if (!hasAddress) return reply;
  const record = Buffer.from("c00c0001000100000e100004", "hex");
  return Buffer.concat([reply, record, Buffer.from(found.split(".").map(Number))]);
}
