/**
 * Asks an upstream what a tag means: HEAD, which costs nobody anything, and GET only where HEAD
 * decides nothing (Nexus, old Red Hat), which is remembered of that registry for a day.
 */
import type { RegistryName } from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { RegistryClient, RegistryResponse } from "../../upstream/registry-client.ts";
import {
  getManifest,
  headManifest,
  type ManifestAnswer,
  type ManifestQuestion,
} from "../asking/manifest-asks.ts";
import type { PullQuota } from "./pull-quota.ts";

export type TagAsksOptions = {
  readonly client: RegistryClient;
  readonly quota: PullQuota;
  readonly now: () => number;
};

const day = 86_400_000;

export class TagAsks {
  readonly #options: TagAsksOptions;
  /** Registries whose HEAD decides nothing, and until when that is believed. */
  readonly #headless = new BoundedMap<RegistryName, number>({ limit: 1_000 });

  constructor(options: TagAsksOptions) {
    this.#options = options;
  }

  /** The digest, with bytes only where there is no other way. */
  async digest(question: ManifestQuestion): Promise<ManifestAnswer> {
    const { client, now } = this.#options;
    const registry = question.registry.name;
    const note = this.#noteFor(question);
    if ((this.#headless.get(registry) ?? 0) > now()) return getManifest(client, question, note);
    const answer = await headManifest(client, question, note);
    if (answer !== undefined) return answer;
    const second = await getManifest(client, question, note);
    if (second.kind === "bytes" || second.kind === "same")
      this.#headless.set(registry, now() + day);
    return second;
  }

  /** The bytes. */
  bytes(question: ManifestQuestion): Promise<ManifestAnswer> {
    const note = this.#noteFor(question);
    return getManifest(this.#options.client, { ...question, known: undefined }, note);
  }

  #noteFor({ registry, access }: ManifestQuestion): (response: RegistryResponse) => void {
    return ({ headers }) => this.#options.quota.note(registry.name, access, headers);
  }
}
