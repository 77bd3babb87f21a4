/** The variables of an old set-up, and which of them have found a meaning. */
export class Variables {
  readonly #left: Map<string, string>;

  constructor(variables: ReadonlyMap<string, string>) {
    this.#left = new Map(variables);
  }

  /** Its value, once; undefined when it is not there or empty. */
  take(name: string): string | undefined {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value === "" ? undefined : value;
  }

  /** Takes it and hands it on where it is there. */
  pass(name: string, to: (value: string) => void): void {
    const value = this.take(name);
    if (value !== undefined) to(value);
  }

  /** All that fit, taken: the match and the value. */
  takeAll(pattern: RegExp): readonly { readonly match: RegExpExecArray; readonly value: string }[] {
    return [...this.#left.keys()].flatMap((name) => {
      const match = pattern.exec(name);
      if (match === null) return [];
      const value = this.take(name);
      return value === undefined ? [] : [{ match, value }];
    });
  }

  readonly #dropped: string[] = [];

  /** Takes all that fit, with why they mean nothing here. */
  drop(pattern: RegExp, why: string): void {
    for (const { match } of this.takeAll(pattern)) this.#dropped.push(`${match.input}: ${why}`);
  }

  /** A sentence for each that has no meaning here, by the names alone. */
  without(): readonly string[] {
    const unknown = [...this.#left]
      .filter(([, value]) => value !== "")
      .map(([name]) => `${name}: not known here`);
    return [...this.#dropped, ...unknown];
  }
}
