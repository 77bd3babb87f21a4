/**
 * Under which name a registry is counted. Clients choose what they ask for, so strangers have so many
 * names of their own, first come, and share `other` beyond that.
 */

/** Names in all, and how many of them strangers may have. */
const most = { all: 50, strangers: 30 };
const other = "other";

export class RegistryLabels {
  readonly #isKnown: (registry: string) => boolean;
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
    return this.#labels.has(registry);
  }

  #first(registry: string): string {
    if (this.#labels.size >= most.all) return other;
    if (!this.#isKnown(registry)) {
      if (this.#strangers >= most.strangers) return other;
      this.#strangers += 1;
    }
    this.#labels.set(registry, registry);
    return registry;
  }
}
