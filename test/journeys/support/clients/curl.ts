/** curl as somebody with a shell would pull an image: token, index, manifest, then every blob, checked. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Run, run } from "../program.ts";
import { type Client, environment, type Surroundings } from "./client.ts";

type Reached = { readonly run: Run; readonly status: number; readonly file: string };
type Image = { readonly host: string; readonly repository: string; readonly reference: string };
type Described = { readonly digest: string; readonly platform?: { readonly architecture: string } };

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(",");

export async function startCurl(surroundings: Surroundings): Promise<Client> {
  const curl = new Curl(surroundings);
  return {
    name: "curl",
    pull: (image) => curl.pull(image),
    wipe: () => rm(join(surroundings.folder, "answer"), { force: true }),
    stop: async () => undefined,
  };
}

export class Curl {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** One request; the body goes to a file. */
  async get(url: string, ...options: readonly string[]): Promise<Reached> {
    const { trust, folder } = this.#surroundings;
    const file = join(folder, "answer");
    const args = ["--silent", "--show-error", "--max-time", "100", "--cacert", trust];
    const form = ["--output", file, "--write-out", "%{http_code}"];
    const env = environment(this.#surroundings);
    const done = await run("curl", [...args, ...form, "--location", ...options, url], { env });
    return { run: done, status: Number(done.stdout.slice(-3)), file };
  }

  async pull(text: string): Promise<Run> {
    const begun = performance.now();
    try {
      await this.#pullImage(parse(text));
      return { code: 0, output: "", stdout: "", seconds: (performance.now() - begun) / 1_000 };
    } catch (error) {
      const output = String(error);
      return { code: 1, output, stdout: "", seconds: (performance.now() - begun) / 1_000 };
    }
  }

  async #pullImage(image: Image): Promise<void> {
    const base = `https://${image.host}/v2/${image.repository}`;
    const login = await this.#login(image);
    const top = await this.#manifest(`${base}/manifests/${image.reference}`, login);
    const child = top.manifests?.find(({ platform }) => platform?.architecture === "amd64");
    const manifest =
      child === undefined ? top : await this.#manifest(`${base}/manifests/${child.digest}`, login);
    for (const { digest } of [manifest.config, ...(manifest.layers ?? [])]) {
      const blob = await this.#fine(`${base}/blobs/${digest}`, login);
      const hash = createHash("sha256");
      for await (const piece of createReadStream(blob)) hash.update(piece);
      if (`sha256:${hash.digest("hex")}` !== digest) throw new Error(`${digest} came damaged`);
    }
  }

  async #manifest(url: string, login: string) {
    const file = await this.#fine(url, login, "--header", `Accept: ${manifestTypes}`);
    return JSON.parse(await readFile(file, "utf8")) as {
      readonly manifests?: readonly Described[];
      readonly config: Described;
      readonly layers?: readonly Described[];
    };
  }

  /** The Authorization header the registry's challenge leads to. */
  async #login({ host, repository }: Image): Promise<string> {
    const ping = await this.get(`https://${host}/v2/`, "--dump-header", "-");
    const challenge = /^www-authenticate: *Bearer (.*)$/im.exec(ping.run.stdout)?.[1] ?? "";
    const realm = /realm="([^"]*)"/.exec(challenge)?.[1];
    const service = /service="([^"]*)"/.exec(challenge)?.[1] ?? "";
    if (realm === undefined) throw new Error(`no challenge: ${ping.run.output}`);
    const query = `service=${service}&scope=repository:${repository}:pull`;
    const file = await this.#fine(`${realm}?${query}`, "");
    const { token } = JSON.parse(await readFile(file, "utf8")) as { token: string };
    return `Authorization: Bearer ${token}`;
  }

  async #fine(url: string, login: string, ...options: readonly string[]): Promise<string> {
    const header = login === "" ? [] : ["--header", login];
    const reached = await this.get(url, ...header, ...options);
    if (reached.run.code === 0 && reached.status === 200) return reached.file;
    const body = await readFile(reached.file, "utf8").catch(() => "");
    throw new Error(`${url}: ${reached.run.output} ${body}`);
  }
}

function parse(text: string): Image {
  const match = /^([^/]+)\/([^@:]+)[:@](.+)$/.exec(text);
  const [, host = "", repository = "", reference = ""] = match ?? [];
  return { host: host === "docker.io" ? "registry-1.docker.io" : host, repository, reference };
}
