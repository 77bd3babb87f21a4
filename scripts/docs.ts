/**
 * Writes docs/reference/configuration.md from the table of settings, api.json beside it from the routes of
 * the back office, metrics.md from what is counted, errors.md from the lists of codes, and the reference,
 * the manual page and the shells' completions from the commands; `--check` only says whether they are up to date.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import swagger from "@fastify/swagger";
import { readBuild } from "../src/app/build.ts";
import {
  fileVariableOf,
  flagOf,
  type Group,
  keyOf,
  type Setting,
} from "../src/app/settings/setting.ts";
import { groups } from "../src/app/settings/settings.ts";
import { addApi } from "../src/doors/back-office/api.ts";
import { addBackups } from "../src/doors/back-office/backups.ts";
import { addEvents } from "../src/doors/back-office/events.ts";
import type { Operations } from "../src/doors/back-office/operations.ts";
import { openRoutes } from "../src/doors/back-office/routes.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "./commands/completions.ts";
import { manPage } from "./commands/man-page.ts";
import { commandReference } from "./commands/reference.ts";
import { commandTable } from "./commands/table.ts";
import { errorsReference } from "./reference/errors.ts";
import { metricsReference } from "./reference/metrics.ts";

const intro = `# Configuration

<!-- Written by \`npm run docs\` from src/app/settings; change it there. -->

Every setting below can be a flag, an environment variable or a key of a YAML file, and is taken from
the first of these that has it:

1. the flag: \`--tag-ttl "1 min"\`
2. the environment variable: \`TAG_TTL="1 min"\`; one that is empty counts as left out
3. for a secret, the file that the variable with \`_FILE\` names: \`TOKEN_SECRET_FILE=/run/secrets/token\`
4. the settings file that \`--config\` or \`CONFIG_FILE\` names: \`tag_ttl: 1 min\`
5. the default

Secrets have no flag that takes them, because everybody on a machine can read a command line; the flag
takes the path of a file. \`entrepot config check\` reads the settings as a start would, shows what
differs from the defaults and where it comes from, and says what is wrong. A start with settings that
make no sense ends at once with a sentence for each of them, and exit code 78.

\`entrepot --env-file entrepot.env\` reads environment variables from a file, where the environment itself
does not have them. Each line is a \`NAME=value\`, and the value is what stands there: \`$\`, \`#\`, quotes
and backslashes count as written, and nothing is put in for \`$NAME\`. Only quotes around a whole value are
taken off; between double ones, \`\\"\` and \`\\\\\` mean \`"\` and \`\\\`, and a value in quotes may go on over several
lines. So the file reads as \`docker run --env-file\` reads it and as Compose does, but for Compose's comments
behind a value: comments have lines of their own. systemd's \`EnvironmentFile=\` takes backslashes and quotes
inside a value for its own; where passwords have such, give the unit \`ExecStart=… --env-file FILE\` instead.

Sizes carry their unit: \`32 GiB\`, \`500 MB\`, or as nginx writes them \`32g\`, \`512m\` (powers of 1,024).
So do times: \`10 s\`, \`5 min\`, \`24h\`, \`1 h 30 min\`, \`7 d\`. Lists have blanks or commas between their
items, or are YAML lists.

\`\`\`yaml
# entrepot --config entrepot.yaml
data_dir: /var/lib/entrepot
registries:
  - registry.lan:5000
  - host: registry.corp.example
    proxy: direct
auth_registries:
  - host: auth.docker.io
    user: lab
    password: dckr_pat_…
  - host: ghcr.io
    user: lab
    password: ghp_…
    repositories: ["lab/**"]
policy:
  deny:
    - docker.io/library/alpine:edge
    - "*/**:nightly*"
  tags:
    - { repository: "library/*", tag: "/^v?\\\\d+\\\\.\\\\d+\\\\.\\\\d+$/", immutable: true }
    - { tag: latest, ttl: 1 min }
\`\`\`
`;

function reference(): string {
  return [intro, ...Object.values(groups).map(section)].join("\n");
}

function section(group: Group): string {
  return [`## ${group.title}`, "", ...Object.values(group.settings).map(entry)].join("\n");
}

function entry(setting: Setting<unknown>): string {
  const help = setting.help.replace(/\s+/g, " ");
  const rows = [
    ["value", setting.kind.hint],
    ["default", setting.default === undefined ? "–" : defaultOf(setting.default)],
    ["flag", code(flagOf(setting))],
    [
      "variable",
      [...setting.environment, fileVariableOf(setting)].map(code).filter(isThere).join(", "),
    ],
    ["key", code(keyOf(setting))],
  ];
  const table = rows.map(([name, value]) => `| ${name} | ${value?.replaceAll("|", "\\|")} |`);
  return [`### ${setting.name}`, "", help, "", "| | |", "|---|---|", ...table, ""].join("\n");
}

function defaultOf(text: string): string {
  if (text === "" || text === "[]") return "empty";
  return text === " " ? "a blank" : `\`${text}\``;
}

function code(text: string | undefined): string {
  return text === undefined ? "–" : `\`${text}\``;
}

function isThere(text: string): boolean {
  return text !== "–";
}

/** The routes as they are served, described by what checks the requests to them. */
async function api(): Promise<string> {
  const app = openRoutes();
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Entrepot's back office", version: "1", description: apiIntro },
      servers: [{ url: "http://127.0.0.1:3129" }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{}, { token: [] }],
    },
  });
  // Nobody asks it anything here.
  addApi(app, {} as Operations);
  addBackups(app, {} as Operations);
  addEvents(app, () => false);
  await app.ready();
  const text = JSON.stringify(app.swagger(), undefined, 2);
  await app.close();
  return `${text}\n`;
}

const apiIntro =
  "What there is to know, as JSON. On loopback reading needs no token, anywhere else ADMIN_READ_TOKEN or " +
  "ADMIN_TOKEN; what makes something needs ADMIN_TOKEN everywhere. control.sock in DATA_DIR, which its owner " +
  "alone can open, answers the same without one.";

async function isAsWritten(file: string, wanted: string): Promise<boolean> {
  const found = await readFile(file, "utf8").catch(() => "");
  return found === wanted;
}

const commands = commandTable();

const pages: readonly (readonly [path: string, wanted: string])[] = [
  ["docs/reference/command-line.md", commandReference(commands)],
  ["docs/man/entrepot.1", manPage(commands, readBuild().version)],
  ["docs/completions/entrepot.bash", bashCompletion(commands)],
  ["docs/completions/_entrepot", zshCompletion(commands)],
  ["docs/completions/entrepot.fish", fishCompletion(commands)],
  ["docs/reference/configuration.md", reference()],
  ["docs/reference/api.json", await api()],
  ["docs/reference/errors.md", errorsReference()],
  ["docs/reference/metrics.md", await metricsReference()],
];
for (const [path, wanted] of pages) {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  if (!process.argv.includes("--check")) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, wanted);
  } else if (!(await isAsWritten(file, wanted))) {
    console.error(`${path} is not what the sources say; run npm run docs`);
    process.exitCode = 1;
  }
}
