/** What nearly every journey starts from: the played registries, and Entrepot between them and clients. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { inject } from "vitest";
import type { Client, StartClient } from "./clients/client.ts";
import { type Entrepot, startEntrepot } from "./entrepot.ts";
import { Machine, type MachineOptions } from "./machine.ts";
import type { Environment, Run } from "./program.ts";
import { account, guideHosts } from "./upstream/look-alikes.ts";
import { startUpstream, type Upstream } from "./upstream/upstream.ts";

/** One per test file; what it started is stopped by `end`, last first. */
export class Journey {
  readonly folder: string;
  readonly upstream: Upstream;
  /** PEM file of the authority that signed the played registries' certificates. */
  readonly upstreamCa: string;
  readonly #started: (() => Promise<unknown>)[] = [];
  readonly #entrepots = new Map<string, Entrepot>();
  #names = 0;

  private constructor(folder: string, upstream: Upstream, upstreamCa: string) {
    this.folder = folder;
    this.upstream = upstream;
    this.upstreamCa = upstreamCa;
    this.#started.push(() => upstream.stop());
  }

  /** `isEmpty`: registries of this journey's own, which begin without any image. */
  static async begin({ isEmpty = false } = {}): Promise<Journey> {
    const parts = inject("parts");
    const folder = await mkdtemp(join(parts.folder, "journey-"));
    const images = isEmpty ? join(folder, "images") : parts.images;
    const upstream = await startUpstream(images, join(folder, "upstream"));
    const upstreamCa = join(folder, "upstream-ca.pem");
    await writeFile(upstreamCa, upstream.ca);
    return new Journey(folder, upstream, upstreamCa);
  }

  /** What tells Entrepot of the played internet. */
  get settings(): Environment {
    return { UPSTREAM_CA: this.upstreamCa, UPSTREAM_ALLOW_ADDRESSES: "127.0.83.0/24" };
  }

  /** Started in a folder of that name; the same name again is a restart, whether it was stopped or not. */
  async entrepot(
    env: Environment = {},
    name = "entrepot",
    launcher: readonly string[] = [],
  ): Promise<Entrepot> {
    const folder = join(this.folder, name);
    await mkdir(folder, { recursive: true });
    await this.#entrepots.get(name)?.stop();
    const entrepot = await startEntrepot(folder, { ...this.settings, ...env }, launcher);
    this.#entrepots.set(name, entrepot);
    this.#started.push(() => entrepot.stop());
    return entrepot;
  }

  /** Of an Entrepot that keeps nothing yet, however often the test that starts it is tried. */
  unusedName(): string {
    this.#names += 1;
    return `entrepot-${this.#names}`;
  }

  /** Where the guides say it is: `mirror.example.com`, port 3128. */
  entrepotOfGuides(env: Environment = {}): Promise<Entrepot> {
    const PUBLIC_URL = "http://mirror.example.com:3128";
    const at = { HOST: guideHosts["mirror.example.com"], PORT: "3128", PUBLIC_URL };
    return this.entrepot({ ...at, ...env }, "entrepot-of-guides");
  }

  /** For the reader of a guide. It trusts the played registries, as everybody trusts real ones. */
  async machine(
    files: Readonly<Record<string, string>> = {},
    options: MachineOptions = {},
  ): Promise<Machine> {
    const folder = await mkdtemp(join(inject("parts").folder, "m-"));
    const internet = await readFile(this.upstreamCa, "utf8");
    const trusted = { "/usr/local/share/ca-certificates/internet.crt": internet };
    const machine = await Machine.boot(folder, { ...trusted, ...files }, options);
    this.#started.push(() => machine.stop());
    return machine;
  }

  /** A client with empty hands that trusts this file's authorities. */
  async client<C extends Client>(start: StartClient<C>, trust: string, proxy?: string): Promise<C> {
    // Short, since podman takes no run root longer than 50 characters.
    const folder = await mkdtemp(join(inject("parts").folder, "c-"));
    const client = await start({ folder, trust, proxy });
    this.#started.push(() => client.stop());
    return client;
  }

  /** Something else to stop; before what was started earlier. */
  atEnd(stop: () => Promise<unknown>): void {
    this.#started.push(stop);
  }

  async end(): Promise<void> {
    for (const stop of this.#started.splice(0).reverse()) await stop();
  }
}

/** The credential an operator gives to Entrepot for Docker Hub. */
export const hubLogin = `auth.docker.io:${account.user}:${account.password}`;

/** Whether this program is here; in CI all are, or the journeys do not begin. */
export function hasProgram(name: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.some((folder) => existsSync(join(folder, name)));
}

/** The digest of a manifest or index as a registry's own storage has it. */
export function digestOfTag(registry: string, repository: string, tag: string): string {
  const link = `docker/registry/v2/repositories/${repository}/_manifests/tags/${tag}/current/link`;
  return readFileSync(join(inject("parts").images, registry, link), "utf8").trim();
}

/** Throws what the program said when a pull failed. */
export function mustSucceed(pulled: Run): Run {
  if (pulled.code === 0) return pulled;
  throw new Error(`the pull failed with ${pulled.code}:\n${pulled.output}`);
}
