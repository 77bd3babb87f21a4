/** A draft as files: the settings as YAML with a comment where one helps, logins in a file of their own. */
import { stringify } from "yaml";
import type { Draft, OldLogin } from "./draft.ts";

/** No secret is in it. */
export function settingsText(draft: Draft, head: string, loginsFile: string | undefined): string {
  const settings = new Map(draft.settings);
  if (loginsFile !== undefined) settings.set("docker_config", loginsFile);
  const blocks = [...settings]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const comment = draft.comments.get(key);
      const above = comment === undefined ? "" : `# ${comment}\n`;
      return above + stringify({ [key]: value }, { lineWidth: 0 });
    });
  return `# ${head}\n# entrepot --help and docs/reference/configuration.md have every setting.\n${blocks.join("")}`;
}

/** As docker login writes it, which holds any password. */
export function loginsText(logins: readonly OldLogin[]): string {
  const auths = Object.fromEntries(
    logins.map(({ host, user, password }) => [
      host === "docker.io" ? "https://index.docker.io/v1/" : host,
      { auth: Buffer.from(`${user}:${password}`).toString("base64") },
    ]),
  );
  return `${JSON.stringify({ auths }, undefined, 2)}\n`;
}
