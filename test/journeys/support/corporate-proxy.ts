/** The way out of a company: Debian's tinyproxy, which wants a login and writes down who went where. */

import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { Service } from "./program.ts";

export type CorporateProxy = {
  readonly port: number;
  /** Where it has been asked to go, as `127.0.0.1:14000`, each as often as it was asked. */
  connects(): Promise<string[]>;
  stop(): Promise<void>;
};

/** `ports` are all that may be reached through it. */
export async function startCorporateProxy(
  folder: string,
  { user, password, ports }: { user: string; password: string; ports: readonly number[] },
): Promise<CorporateProxy> {
  const port = await freePort();
  const log = join(folder, "tinyproxy.log");
  const config = join(folder, "tinyproxy.conf");
  const lines = [
    ...[`Port ${port}`, "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 60"],
    ...[`LogFile "${log}"`, "LogLevel Connect", `BasicAuth ${user} ${password}`],
    ...ports.map((each) => `ConnectPort ${each}`),
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  const service = new Service("tinyproxy", ["-d", "-c", config]);
  await service.ready(async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    return true;
  });
  return {
    port,
    connects: async () => {
      const text = await readFile(log, "utf8");
      return [...text.matchAll(/ CONNECT ([^ ]+) HTTP/g)].map(([, target = ""]) => target);
    },
    stop: async () => {
      await service.stop();
    },
  };
}
