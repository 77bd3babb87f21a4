/**
 * The first process of a container, which the system ends by no signal that it does not listen to: until
 * a start has got so far that it can be stopped in order, it ends at once. Gives what ends that.
 */
export function endOnSignals(process: NodeJS.Process): () => void {
  if (process.pid !== 1) return () => undefined;
  const end = (): void => process.exit(0);
  const signals = ["SIGTERM", "SIGINT"] as const;
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.removeListener(signal, end);
  };
}
