/** What the settings of the hosted registry hold. */
import type { HostedHost } from "../../doors/server/own-names.ts";
import type { KeepRule } from "../../hosted/gc/retention.ts";
import { type HostedRule, Rules } from "../../hosted/rules.ts";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import { readFields } from "./fields.ts";
import {
  type Kind,
  kind,
  listOf,
  listSchema,
  mapSchema,
  type Raw,
  text,
  textSchema,
  WrongValue,
  wholeNumber,
} from "./kind.ts";
import { duration, size } from "./units.ts";

const usualPorts: readonly number[] = [443, 80];

export const hostedHosts: Kind<readonly HostedHost[]> = listOf(
  kind("host", "a name such as docker-registry.local or registry.lan:5000", (written) => {
    const name = written.trim();
    const bare = parseHostPort(name);
    if (bare !== undefined) {
      const port = usualPorts.includes(bare.port) ? "usual" : bare.port;
      return { host: bare.host, port } as const;
    }
    const host = parseHostPort(name, 443)?.host;
    return host === undefined ? undefined : { host, port: undefined };
  }),
);

const action = kind("action", "pull, push or delete", (written) =>
  (["pull", "push", "delete"] as const).find((one) => one === written.trim()),
);

const repository = kind("repository", "a repository such as team/app, team/* or **", (written) =>
  /^[a-z0-9_.*?/-]+$/.test(written.trim()) ? written.trim() : undefined,
);

const names = ["who", "repositories", "actions", "immutable", "quota", "blob_size", "keep"];

const texts = listOf(text).schema;

const keepSchema = mapSchema({
  ...{ tags: texts, last: { type: "integer", minimum: 0 } },
  ...{ pushed: textSchema, pulled: textSchema, untagged: textSchema },
});

const keep: Kind<KeepRule> = {
  isStructured: true,
  word: "keep",
  hint: 'what stays, such as {"tags": ["pr-*"], "last": 10, "pulled": "30 d", "untagged": "7 d"}',
  parse: (raw) => {
    const fields = readFields(raw, "keep", ["tags", "last", "pushed", "pulled", "untagged"]);
    return said({
      tags: fields.get("tags", listOf(text)),
      last: fields.get("last", wholeNumber(0, 1_000_000, "a number")),
      pushed: fields.get("pushed", duration),
      pulled: fields.get("pulled", duration),
      untagged: fields.get("untagged", duration),
    });
  },
};

export const hostedRules: Kind<readonly HostedRule[]> = {
  schema: listSchema(
    mapSchema({
      ...{ who: texts, repositories: texts, actions: texts, immutable: texts },
      ...{ quota: textSchema, blob_size: textSchema, keep: keepSchema },
    }),
  ),
  isStructured: true,
  word: "rules",
  hint: 'a list of rules such as [{"who": ["ci"], "repositories": ["team/**"], "actions": ["pull", "push"]}, {"repositories": ["**"], "immutable": ["v*"], "quota": "50 GiB", "blob_size": "10 GiB"}, {"repositories": ["ci/**"], "keep": {"last": 10, "pulled": "30 d"}}]',
  parse: (raw) => {
    if (!Array.isArray(raw)) throw new WrongValue("is not a list");
    return raw.map((rule, index) => readRule(rule, `rule ${index + 1}`));
  },
};

function readRule(raw: Raw, where: string): HostedRule {
  const fields = readFields(raw, where, names);
  const given = {
    who: fields.get("who", listOf(text)),
    repositories: fields.get("repositories", listOf(repository)) ?? ["**"],
    actions: fields.get("actions", listOf(action)),
    immutable: fields.get("immutable", listOf(text)),
    quota: fields.get("quota", size),
    blobSize: fields.get("blob_size", size),
    keep: fields.get("keep", keep),
  };
  if (given.who !== undefined && given.actions === undefined) {
    throw new WrongValue(`says who and not what in ${where}`, "the actions they may take");
  }
  try {
    const rule = said(given);
    new Rules([rule]);
    return rule;
  } catch (cause) {
    throw wrongPattern(where, cause);
  }
}

/** Without what was left out. */
function said<T extends object>(given: T): Said<T> {
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as Said<T>;
}

type Said<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

function wrongPattern(where: string, cause: unknown): WrongValue {
  const hint = "globs such as v*, or regular expressions between slashes";
  return new WrongValue(`has a tag pattern in ${where} that makes no sense`, hint, { cause });
}
