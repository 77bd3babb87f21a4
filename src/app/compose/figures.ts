/** What listens to every room, beside the log. */
import { Figures } from "../../doors/back-office/figures.ts";
import { hostMatcher } from "../../protocol/host-pattern.ts";
import { builtInRegistries } from "../../protocol/known-registries.ts";
import { canonicalRegistry, registryAddress } from "../../protocol/registry-name.ts";
import type { Log } from "../log.ts";
import { namedRegistries } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";

export function composeFigures(settings: Settings, now: () => number): Figures {
  const isKnown = hostMatcher([...builtInRegistries, ...namedRegistries(settings)]);
  return new Figures({
    now,
    repositories: settings.files.metricsRepositories,
    isKnown: (registry) => {
      const name = canonicalRegistry(registry);
      return name !== undefined && isKnown(registryAddress(name));
    },
  });
}

/** The same log, with the figures listening too. */
export function heardBy(figures: Figures, log: Log): Log {
  const both =
    <E>(one: (event: E) => void, other: (event: E) => void) =>
    (event: E): void => {
      one(event);
      other(event);
    };
  return {
    registry: both(figures.registry, log.registry),
    door: both(figures.door, log.door),
    cache: both(figures.cache, log.cache),
    store: both(figures.store, log.store),
    upstream: both(figures.upstreams, log.upstream),
    auth: both(figures.auth, log.auth),
    hosted: log.hosted,
    note: log.note,
  };
}
