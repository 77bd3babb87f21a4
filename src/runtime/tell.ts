/** Tells events to listeners, who only listen: one that throws is reported and harms nobody. */

export type Listener<E> = (event: E) => void;

/** One listener for all of them; `report` learns what each threw. */
export function tellAll<E>(
  listeners: readonly Listener<E>[],
  report: (error: unknown) => void,
): Listener<E> {
  return (event) => {
    for (const listen of listeners) {
      try {
        listen(event);
      } catch (error) {
        report(error);
      }
    }
  };
}
