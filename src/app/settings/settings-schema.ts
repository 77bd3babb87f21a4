/** The JSON Schema of the settings file, for editors: every key with its help, and nothing else. */
import { type JsonSchema, textSchema } from "./kind.ts";
import { keyOf, type Setting } from "./setting.ts";
import { allSettings } from "./settings.ts";

export function settingsSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of Entrepot",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(allSettings().map((each) => [keyOf(each), property(each)])),
  };
}

/** An empty key is one that is left out. */
function property({ kind, help, default: usual }: Setting<unknown>): JsonSchema {
  const { schema = textSchema } = kind;
  const hint = `Write ${kind.hint}.`;
  return {
    description: `${help.replace(/\s+/g, " ")} ${hint}`,
    anyOf: [schema, { type: "null" }],
    ...(usual === undefined || usual === "" ? {} : { default: usual }),
  };
}
