/**
 * A name server that knows no name: it says so (RFC 1035 §4.1.1, RCODE 3), or says nothing. Programs
 * started through `launcher` ask it and no other, whatever this machine's own resolver would know.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const address = "127.0.83.53";

export class NameServer {
  /** May be changed at any time. */
  isSilent = false;
  readonly launcher: readonly string[];
  readonly #socket: Socket;

  /** `folder` takes configuration files. */
  static async start(folder: string): Promise<NameServer> {
    const resolver = join(folder, "resolv.conf");
    const order = join(folder, "nsswitch.conf");
    await writeFile(resolver, `nameserver ${address}\n`);
    await writeFile(order, "hosts: files dns\n");
    const socket = createSocket("udp4").bind(53, address);
    await once(socket, "listening");
    return new NameServer(socket, [resolver, order]);
  }

  private constructor(socket: Socket, [resolver, order]: readonly [string, string]) {
    this.#socket = socket.on("message", (question, from) => {
      if (!this.isSilent) socket.send(unknownName(question), from.port, from.address);
    });
    // In a mount name space of the program's own: nobody else sees these files.
    const mount = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf';
    const script = `${mount} && shift 2 && exec "$@"`;
    this.launcher = ["unshare", "--mount", "sh", "-c", script, "sh", resolver, order];
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}

/** The question as it came, as an answer with nothing in it. */
function unknownName(question: Buffer): Buffer {
  const answer = Buffer.from(question);
  const isResponse = 0x8000;
  const [mayRecurse, noSuchName] = [0x0080, 0x0003];
  answer.writeUInt16BE(answer.readUInt16BE(2) | isResponse | mayRecurse | noSuchName, 2);
  // Additional records (EDNS) are left out.
  answer.writeUInt16BE(0, 10);
  return answer.subarray(0, endOfQuestion(answer));
}

function endOfQuestion(message: Buffer): number {
  const endOfName = message.indexOf(0, 12);
  return endOfName + 5;
}
