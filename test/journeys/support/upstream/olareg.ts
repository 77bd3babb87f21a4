/** olareg, a registry that has all of the distribution specification, as a child process. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { freePort } from "../../../support/free-port.ts";
import { Service } from "../program.ts";
import { type DockerRegistry, isOpen, type RegistryPlace } from "./docker-registry.ts";

export type OlaregOptions = {
  /** For its configuration. */
  readonly folder: string;
  readonly at: RegistryPlace;
  /** Who may do everything, and how he logs in; without it anybody may. */
  readonly login?: {
    readonly user: string;
    readonly password: string;
    readonly by: "Basic" | "Bearer";
  };
};

/** Everything in memory, and every kind of DELETE. */
export async function startOlareg({ folder, at, login }: OlaregOptions): Promise<DockerRegistry> {
  const port = await freePort();
  await mkdir(folder, { recursive: true });
  const { host, address, tls } = at;
  const options = ["--addr", address, "--port", String(port), "--store-type", "mem"];
  if (tls !== undefined) options.push("--tls-cert", tls.cert, "--tls-key", tls.key);
  options.push("--external-url", `${tls === undefined ? "http" : "https"}://${host}:${port}`);
  if (login !== undefined) {
    const users = { [login.user]: { cred: hashSync(login.password, 4) } };
    const acls = [{ repo: "*", access: ["*"], members: [login.user] }];
    const file = join(folder, "users.json");
    // It reads YAML, of which JSON is a part.
    await writeFile(file, JSON.stringify({ users, acls }));
    options.push(login.by === "Basic" ? "--auth-basic" : "--auth-token-opaque", file);
  }
  const service = new Service("olareg", ["serve", "--api-delete", "--api-blob-delete", ...options]);
  await service.ready(() => isOpen(address, port));
  return {
    port,
    stop: async () => {
      await service.stop();
    },
  };
}
