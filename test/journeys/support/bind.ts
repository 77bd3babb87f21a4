/** A name server of the journey's own for example.com: BIND, which takes updates from who has its key. */
import { Resolver } from "node:dns/promises";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { runWell, Service } from "./program.ts";

const zone = `$TTL 60
@ SOA ns root 1 60 60 600 60
@ NS ns
ns A 127.0.0.1
`;

/** The key may set and remove the records of challenges for these names, and nothing else. */
export async function startBind(folder: string, names: readonly string[]) {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const { stdout: key } = await runWell("tsig-keygen", ["entrepot"]);
  const keyFile = join(folder, "tsig.key");
  await writeFile(keyFile, key);
  await writeFile(join(folder, "example.com.zone"), zone);
  const grants = names.map((name) => `grant entrepot name _acme-challenge.${name}. TXT;`);
  const options = [
    ...[`directory "${folder}"`, "recursion no", "dnssec-validation no", "listen-on-v6 { none; }"],
    ...[`pid-file "${folder}/named.pid"`, `session-keyfile "${folder}/session.key"`],
    `listen-on port ${port} { 127.0.0.1; }`,
  ];
  const file = `file "example.com.zone"; update-policy { ${grants.join(" ")} };`;
  const config = `${key}
options { ${options.join("; ")}; };
controls { };
zone "example.com" { type primary; ${file} };
`;
  await writeFile(join(folder, "named.conf"), config);
  const service = new Service("named", ["-g", "-c", join(folder, "named.conf")]);
  const resolver = new Resolver({ timeout: 1_000 });
  resolver.setServers([`127.0.0.1:${port}`]);
  await service.ready(async () => (await resolver.resolveNs("example.com")).length > 0);
  return { port, keyFile, resolver, stop: () => service.stop() };
}
