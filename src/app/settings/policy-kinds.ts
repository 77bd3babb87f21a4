/**
 * What POLICY holds: which images are allowed and denied, and rules for tags. An image is written as
 * `registry/repository:tag`, each part a pattern, or as a map of the three.
 */
import { TagRules, type TagRuleText } from "../../cache/tags/freshness.ts";
import { canonicalRegistry } from "../../protocol/registry-name.ts";
import {
  type ImageLists,
  type ImagePattern,
  ImagePolicy,
} from "../../registry/rules/image-policy.ts";
import { isObject, readFields } from "./fields.ts";
import {
  itemsOf,
  type Kind,
  kind,
  listOf,
  listSchema,
  mapSchema,
  QuotedValue,
  type Raw,
  text,
  textSchema,
  truth,
  WrongValue,
} from "./kind.ts";
import { duration } from "./units.ts";

export type PolicySetting = ImageLists & {
  /** The first that fits a tag decides how long it is believed. */
  readonly tags: readonly TagRuleText[];
};

const images = listOf<unknown>({
  ...text,
  schema: {
    anyOf: [
      textSchema,
      mapSchema({ registry: textSchema, repository: textSchema, tag: textSchema }),
    ],
  },
}).schema;

const tagsSchema = listSchema(
  mapSchema({
    ...{ registry: textSchema, repository: textSchema, tag: textSchema, ttl: textSchema },
    ...{ immutable: { type: "boolean" }, no_cache: { type: "boolean" } },
  }),
);

export const policy: Kind<PolicySetting> = {
  schema: { anyOf: [tagsSchema, mapSchema({ allow: images, deny: images, tags: tagsSchema })] },
  isStructured: true,
  word: "rules",
  hint: 'a map of lists such as {"allow": ["docker.io/library/*"], "deny": ["*/**:latest"], "tags": []}, or the list of rules for tags alone',
  parse: (raw) => {
    if (Array.isArray(raw)) return { allow: [], deny: [], tags: tagRules.parse(raw) };
    if (!isObject(raw)) throw new WrongValue("is neither a map nor a list");
    const fields = readFields(raw, "its map", ["allow", "deny", "tags"]);
    const tags = fields.get("tags", tagRules) ?? [];
    return { allow: readImages("allow", raw.allow), deny: readImages("deny", raw.deny), tags };
  },
};

const imageHint =
  "registry/repository or registry/repository:tag, such as docker.io/library/* or ghcr.io/team/**:v*";

function readImages(list: "allow" | "deny", raw: Raw): readonly ImagePattern[] {
  if (raw === undefined || raw === null) return [];
  const items = isObject(raw) ? [raw] : itemsOf(raw);
  if (items.length === 0) {
    // Nothing, or everything? Better asked than guessed.
    throw new WrongValue(`has an empty list ${list}`, "what it is to hold, or leave it out");
  }
  return items.map((item, index) => readImage(item, `entry ${index + 1} of ${list}`));
}

function readImage(raw: Raw, where: string): ImagePattern {
  const pattern = isObject(raw) ? readMap(raw, where) : readText(raw, where);
  return { ...pattern, ...withLibrary(pattern) };
}

function readMap(raw: Raw, where: string): ImagePattern {
  const fields = readFields(raw, where, ["registry", "repository", "tag"]);
  const registry = fields.get("registry", registryPattern);
  const repository = fields.get("repository", repositoryPattern);
  const tag = fields.get("tag", text);
  const mark = tag === undefined ? "" : `:${tag}`;
  const pattern = {
    text: `${registry ?? "*"}/${repository ?? "**"}${mark}`,
    ...(registry === undefined ? {} : { registry }),
    ...(repository === undefined ? {} : { repository }),
    ...(tag === undefined ? {} : { tag }),
  };
  if (Object.keys(pattern).length === 1) throw new WrongValue(`has nothing in ${where}`, imageHint);
  return checkedTag(pattern, where);
}

/** The registry up to the first slash, the tag behind the last colon after it. */
function readText(raw: Raw, where: string): ImagePattern {
  const written = typeof raw === "string" ? raw.trim() : "";
  const [, host = "", repository, tag] =
    /^([^/]+)(?:\/([^:@]+)(?::([\w.*?-]+))?)?$/.exec(written) ?? [];
  try {
    return {
      text: written,
      registry: registryPattern.parse(host),
      ...(repository === undefined ? {} : { repository: repositoryPattern.parse(repository) }),
      ...(tag === undefined ? {} : { tag }),
    };
  } catch (cause) {
    throw noImage(raw, where, cause);
  }
}

/** As rules see it: Docker Hub has one name, and so has every registry that no pattern stands for. */
const registryPattern: Kind<string> = kind(
  "registry",
  "a registry such as docker.io, registry.lan:5000 or *.gcr.io",
  (written) => {
    const host = written.trim().toLowerCase();
    if (/[*?]/.test(host)) return /^[a-z0-9.:*?-]+$/.test(host) ? host : undefined;
    // A name without a dot is rather a repository whose registry was forgotten.
    return /[.:]/.test(host) || host === "localhost" ? canonicalRegistry(host) : undefined;
  },
);

const repositoryPattern: Kind<string> = kind(
  "repository",
  "a repository such as library/alpine, team/* or team/**",
  (written) => (/^[a-z0-9_.*?-]+(?:\/[a-z0-9_.*?-]+)*$/.test(written) ? written : undefined),
);

/** `docker.io/alpine` is what `docker pull alpine` means. */
function withLibrary({ registry, repository }: ImagePattern): Partial<ImagePattern> {
  const isShort = repository !== undefined && !/\/|\*\*/.test(repository);
  return registry === "docker.io" && isShort ? { repository: `library/${repository}` } : {};
}

const tagHint = "a glob such as v1.*, or a regular expression between slashes";

function checkedTag(pattern: ImagePattern, where: string): ImagePattern {
  try {
    new ImagePolicy({ allow: [pattern], deny: [] });
    return pattern;
  } catch (cause) {
    throw wrong(`has a tag pattern in ${where} that makes no sense`, tagHint, cause);
  }
}

const tagRules: Kind<readonly TagRuleText[]> = {
  word: "rules",
  hint: 'a list of rules such as [{"repository": "library/*", "tag": "latest", "ttl": "1 h"}]',
  parse: (raw) => {
    if (!Array.isArray(raw)) throw new WrongValue("is not a list");
    return raw.map((rule, index) => readRule(rule, `rule ${index + 1}`));
  },
};

function readRule(raw: Raw, where: string): TagRuleText {
  const names = ["registry", "repository", "tag", "ttl", "immutable", "no_cache"];
  const fields = readFields(raw, where, names);
  const given = {
    registry: fields.get("registry", text),
    repository: fields.get("repository", text),
    tag: fields.get("tag", text),
    ttl: fields.get("ttl", duration),
    immutable: fields.get("immutable", truth),
    noCache: fields.get("no_cache", truth),
  };
  const rule: TagRuleText = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  try {
    new TagRules([rule], 0);
    return rule;
  } catch (cause) {
    throw wrong(`has a tag pattern in ${where} that makes no sense`, tagHint, cause);
  }
}

function noImage(raw: Raw, where: string, cause: unknown): WrongValue {
  return new QuotedValue(["has", raw, ` as ${where}`], imageHint, { cause });
}

function wrong(what: string, hint: string, cause: unknown): WrongValue {
  return new WrongValue(what, hint, { cause });
}
