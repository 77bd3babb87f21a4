/**
 * Under which name a registry is counted. Clients choose what they ask for, so strangers have so many
 * names of their own, first come, and share `other` beyond that. It is what image names call it: one that is
 * spoken to in plain HTTP has no other.
 */
import { calledName, type RegistryName } from "../../protocol/registry-name.ts";

/** Names in all, and how many of them strangers may have. */
const most = { all: 50, strangers: 30 };
const other = "other";

export class RegistryLabels {
  readonly #isKnown: (registry: string) => boolean;
  readonly #taken = new Set<string>();
  /** By the name that is told. */
  readonly #labels = new Map<string, string>();
  #strangers = 0;

  /** `isKnown`: named by the operator, or built in. */
  constructor(isKnown: (registry: string) => boolean) {
    this.#isKnown = isKnown;
  }

  /** To be asked each time: what is `other` is not remembered. */
  of(registry: string): string {
    return this.#labels.get(registry) ?? this.#first(registry);
  }

  /** Whether it has been counted under its own name. */
  has(registry: string): boolean {
    return this.#taken.has(calledName(registry as RegistryName));
  }

  #first(registry: string): string {
    const label = calledName(registry as RegistryName);
    if (!this.#taken.has(label) && !this.#hasRoomFor(label)) return other;
    this.#taken.add(label);
    this.#labels.set(registry, label);
    return label;
  }

  #hasRoomFor(label: string): boolean {
    if (this.#taken.size >= most.all) return false;
    if (this.#isKnown(label)) return true;
    if (this.#strangers >= most.strangers) return false;
    this.#strangers += 1;
    return true;
  }
}
