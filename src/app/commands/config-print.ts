/** `entrepot config print`: every setting as a start would take it, as lines of a settings file. */
import { stringify } from "yaml";
import type { Loaded } from "../settings/load.ts";
import { shownValue } from "../settings/redact.ts";
import { keyOf, type Setting } from "../settings/setting.ts";
import { allSettings } from "../settings/settings.ts";

/** A secret, and what has no value, is a comment. */
export function effectiveSettings({ origins, written }: Loaded): readonly string[] {
  return allSettings().map((setting) => {
    const key = keyOf(setting);
    const origin = origins.get(setting.name);
    if (origin === undefined) return `# ${key}:`;
    const from = origin === "default" ? "" : ` # ${origin}`;
    if (setting.isSecret) return `# ${key}: (secret)${from}`;
    const value = asYaml(shownValue(written.get(setting.name)), setting);
    const line = stringify({ [key]: value }, { lineWidth: 0, collectionStyle: "flow" });
    return line.replace(/^\{ (.*) \}\n$/s, "$1").trimEnd() + from;
  });
}

/** Variables and defaults are text, which YAML has quotes for. */
function asYaml(value: unknown, { kind }: Setting<unknown>): unknown {
  const type = kind.schema?.type;
  if (typeof value !== "string") return value;
  if (type === "integer") return Number(value);
  return type === "boolean" && /^(?:true|false)$/.test(value) ? value === "true" : value;
}
