/**
 * Clients that are no engines: regctl, helm, a scanner's library, builds with Jib. Each runs
 * once a pull and keeps what it got, if anything, in its own folder.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Environment, run, runWell } from "../program.ts";
import { type Client, environment, type StartClient, type Surroundings } from "./client.ts";

type Command = {
  readonly args: (image: string, folder: string) => readonly string[];
  /** Beside what every client finds in its environment. */
  readonly env?: (surroundings: Surroundings) => Promise<Environment>;
};

/** `plain` is the `host:port` of a mirror without TLS, if images are named by one. */
export function startRegctl(plain?: string): StartClient {
  const host = plain === undefined ? [] : ["--host", `reg=${plain},tls=disabled`];
  const copy = ["image", "copy", "--platform", "linux/amd64"];
  return tool("regctl", {
    args: (image, folder) => [...host, ...copy, image, `ocidir://${folder}:pulled`],
  });
}

/** By its own command line. */
export const startOrasCommand: StartClient = tool("oras", {
  args: (image, folder) => ["copy", image, "--to-oci-layout", `${folder}:pulled`],
});

/** It pulls charts: what they need is a version. */
export function startHelm(plain?: string): StartClient {
  const options = plain === undefined ? [] : ["--plain-http"];
  return tool("helm", {
    args: (chart, folder) => {
      const [, name = "", version = ""] = /^(.+):([^:/]+)$/.exec(chart) ?? [];
      return ["pull", `oci://${name}`, "--version", version, "--destination", folder, ...options];
    },
  });
}

/** With the registry client that scanners on Node.js use. */
export function startNpm(plain?: string): StartClient {
  const options = plain === undefined ? [] : ["--plain-http"];
  return tool("npm-pull", {
    args: (image) => [...options, image],
    env: async ({ trust }) => ({ NODE_EXTRA_CA_CERTS: trust }),
  });
}

export const startJib: StartClient = tool("jib-pull", {
  args: (image, folder) => [image, folder],
  env: async (surroundings) => ({ JAVA_TOOL_OPTIONS: (await javaOptions(surroundings)).join(" ") }),
});

/** Java has a store of its own for authorities, and looks for no HTTPS_PROXY. */
async function javaOptions({ folder, trust, proxy }: Surroundings): Promise<readonly string[]> {
  const store = join(folder, "trust.p12");
  const secret = "changeit";
  const about = ["-noprompt", "-alias", "journey", "-file", trust, "-storepass", secret];
  await runWell("keytool", ["-importcert", "-keystore", store, "-storetype", "PKCS12", ...about]);
  const options = [
    `-Djavax.net.ssl.trustStore=${store}`,
    `-Djavax.net.ssl.trustStorePassword=${secret}`,
    `-Duser.home=${folder}`,
  ];
  if (proxy === undefined) return options;
  const { hostname, port } = new URL(proxy);
  return [...options, `-Dhttps.proxyHost=${hostname}`, `-Dhttps.proxyPort=${port}`];
}

function tool(program: string, { args, env }: Command): StartClient {
  return async (surroundings): Promise<Client> => {
    const target = join(surroundings.folder, "pulled");
    const wipe = async (): Promise<void> => {
      await rm(target, { recursive: true, force: true });
      await mkdir(target);
    };
    await wipe();
    // Where some look for logins, and will not do without.
    await writeFile(join(surroundings.folder, "config.json"), "{}");
    const all = { ...environment(surroundings), ...(await env?.(surroundings)) };
    return {
      name: program,
      pull: (image) => run(program, args(image, target), { env: all }),
      wipe,
      stop: async () => undefined,
    };
  };
}
