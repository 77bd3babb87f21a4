/**
 * Small answers that are ready in the same turn of the event loop leave together at its end, as
 * Redis sends its replies: a client that is woken once for many answers costs a busy server far
 * less than one woken for each, and an idle server makes nobody wait.
 */

export class LoopTurn {
  #end: Promise<void> | undefined;

  /** Resolves when everything that has come in so far was looked at. */
  end(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
