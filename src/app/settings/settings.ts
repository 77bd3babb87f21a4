/** All settings, in the order of the reference, and the values they have. */
import { access } from "./access.ts";
import { authority } from "./authority.ts";
import { cache } from "./cache.ts";
import { files } from "./files.ts";
import { hosted } from "./hosted.ts";
import { listen } from "./listen.ts";
import { mirror } from "./mirror.ts";
import { records } from "./records.ts";
import { registries } from "./registries.ts";
import type { Group, Setting, ValuesOf } from "./setting.ts";
import { store } from "./store.ts";
import { upstream } from "./upstream.ts";

export const groups = {
  listen,
  files,
  registries,
  access,
  cache,
  records,
  upstream,
  authority,
  mirror,
  hosted,
  store,
} as const satisfies Readonly<Record<string, Group>>;

/** What the program runs with: `settings.listen.port`, `settings.cache.maxSize` … */
export type Settings = {
  readonly [G in keyof typeof groups]: ValuesOf<(typeof groups)[G]["settings"]>;
};

/** Every setting, whatever its group. */
export function allSettings(): readonly Setting<unknown>[] {
  return Object.values(groups).flatMap((group: Group) => Object.values(group.settings));
}
