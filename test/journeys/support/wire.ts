/** Our end of a wire to a machine, and on it a way out to the played internet and the real one. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { run, runWell, Service } from "./program.ts";

export type Wire = {
  /** What our end is called. */
  readonly name: string;
  readonly here: string;
  readonly there: string;
};

/** It goes with the machine at the other end, a moment later. */
export async function isUnplugged({ name }: Wire): Promise<boolean> {
  return (await run("ip", ["link", "show", "dev", name])).code !== 0;
}

/** Once the machine at the other end has started. */
export async function plugIn({ name, here }: Wire): Promise<void> {
  await runWell("ip", ["address", "add", `${here}/24`, "dev", name]);
  await runWell("ip", ["link", "set", name, "up"]);
}

/** tinyproxy, for who has nothing but the wire. Its address is ours, whichever machine is at the other end. */
export async function startWayOut(
  folder: string,
  { here, there }: Wire,
): Promise<{ readonly url: string; readonly service: Service }> {
  const port = await freePort();
  const config = join(folder, "way-out.conf");
  const lines = [`Port ${port}`, `Allow ${there}`, "Allow 127.0.0.1", "ConnectPort 443"];
  await writeFile(config, `${lines.join("\n")}\nTimeout 600\n`);
  const service = new Service("tinyproxy", ["-d", "-c", config]);
  await service.ready(async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    return true;
  });
  return { url: `http://${here}:${port}`, service };
}
