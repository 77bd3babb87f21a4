/**
 * cosign and notation: each signs with keys of its own at one registry, and then verifies elsewhere, which
 * is what its clients do in place of a pull.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Environment, run, runWell } from "../program.ts";
import { environment, type StartClient } from "./client.ts";

export type Signer = {
  readonly program: "cosign" | "notation";
  /** `host:port/repository@digest` of a registry in plain HTTP; `folder` is made, and keeps the keys. */
  sign(image: string, folder: string): Promise<void>;
  /** That checks what was signed with the keys in this folder; `isPlain`: by a mirror without TLS. */
  verifier(folder: string, isPlain: boolean): StartClient;
};

const cosign: Signer = {
  program: "cosign",
  sign: async (image, folder) => {
    await mkdir(folder, { recursive: true });
    const options = { env: { HOME: folder, COSIGN_PASSWORD: "" }, cwd: folder };
    await runWell("cosign", ["generate-key-pair"], options);
    const plain = ["--allow-http-registry", "--tlog-upload=false"];
    await runWell("cosign", ["sign", "-y", "--key", "cosign.key", ...plain, image], options);
  },
  verifier: (folder, isPlain) => {
    const key = ["--key", join(folder, "cosign.pub"), "--insecure-ignore-tlog"];
    const plain = isPlain ? ["--allow-http-registry"] : [];
    return verifier("cosign", [...key, ...plain], {});
  },
};

const policy = {
  version: "1.0",
  trustPolicies: [
    {
      ...{ name: "all", registryScopes: ["*"], trustedIdentities: ["*"] },
      ...{ signatureVerification: { level: "strict" }, trustStores: ["ca:signer.test"] },
    },
  ],
};

const notation: Signer = {
  program: "notation",
  sign: async (image, folder) => {
    await mkdir(join(folder, "notation"), { recursive: true });
    await writeFile(join(folder, "notation/trustpolicy.json"), JSON.stringify(policy));
    const env = { HOME: folder, XDG_CONFIG_HOME: folder };
    await runWell("notation", ["cert", "generate-test", "--default", "signer.test"], { env });
    await runWell("notation", ["sign", "--insecure-registry", image], { env });
  },
  verifier: (folder, isPlain) => {
    const plain = isPlain ? ["--insecure-registry"] : [];
    return verifier("notation", plain, { XDG_CONFIG_HOME: folder });
  },
};

export const signers: readonly Signer[] = [cosign, notation];

function verifier(
  program: Signer["program"],
  options: readonly string[],
  env: Environment,
): StartClient {
  return async (surroundings) => ({
    name: program,
    pull: (image) =>
      run(program, ["verify", ...options, image], {
        env: { ...environment(surroundings), ...env },
      }),
    wipe: async () => undefined,
    stop: async () => undefined,
  });
}
