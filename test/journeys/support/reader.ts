/** Somebody who has a guide, a machine of their own, and Entrepot where the guide says it is. */
import { expect } from "vitest";
import type { Entrepot } from "./entrepot.ts";
import { Guide } from "./guide.ts";
import { Journey } from "./journey.ts";
import type { Machine } from "./machine.ts";
import type { Environment } from "./program.ts";

type ReaderOptions = {
  /** What lies on the machine beforehand, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** What else Entrepot is told. */
  readonly env?: (journey: Journey) => Promise<Environment>;
};

export class Reader {
  readonly journey: Journey;
  readonly guide: Guide;
  readonly entrepot: Entrepot;
  readonly machine: Machine;

  private constructor(journey: Journey, guide: Guide, entrepot: Entrepot, machine: Machine) {
    this.journey = journey;
    this.guide = guide;
    this.entrepot = entrepot;
    this.machine = machine;
  }

  static async begin(name: string, { files = {}, env }: ReaderOptions = {}): Promise<Reader> {
    const guide = await Guide.open(name);
    const journey = await Journey.begin();
    try {
      const entrepot = await journey.entrepotOfGuides(await env?.(journey));
      return new Reader(journey, guide, entrepot, await journey.machine(files));
    } catch (error) {
      await journey.end();
      throw error;
    }
  }

  /** Does what is said twice, with `forget` between: the second time nothing comes from a registry. */
  async pullsFromDisk(pull: string, forget: string): Promise<void> {
    const { ledger } = this.journey.upstream;
    await this.machine.must(pull);
    await this.machine.must(forget);
    ledger.clear();
    await this.machine.must(pull);
    expect(ledger.contentGets(), pull).toEqual([]);
    await this.machine.must(forget);
  }

  /** Does it, and it comes from the registry itself. */
  async pullsElsewhere(pull: string): Promise<void> {
    const { ledger } = this.journey.upstream;
    ledger.clear();
    await this.machine.must(pull);
    expect(ledger.contentGets(), pull).not.toEqual([]);
  }

  end(): Promise<void> {
    return this.journey.end();
  }
}
