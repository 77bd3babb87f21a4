/** A question to everybody at a wire, as RFC 6762 §5.1 has it: from a port of our own, so one answer comes back. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** The first address that somebody gives for the name; undefined when nobody does in time. */
export async function askEverybody(
  name: string,
  from: string,
  limitMs = 10_000,
): Promise<string | undefined> {
  const socket = createSocket("udp4");
  try {
    socket.bind(0, from);
    await once(socket, "listening");
    socket.setMulticastInterface(from);
    const signal = AbortSignal.timeout(limitMs);
    const answered = once(socket, "message", { signal });
    socket.send(questionOf(name), 5353, "224.0.0.251");
    const [answer] = (await answered) as [Buffer];
    return [...answer.subarray(-4)].join(".");
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

/** One question, for an IPv4 address. */
function questionOf(name: string): Buffer {
  const head = Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split(".").map((label) => Buffer.from(`\0${label}`));
  for (const label of labels) label[0] = label.length - 1;
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}
