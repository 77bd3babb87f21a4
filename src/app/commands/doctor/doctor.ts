/** `entrepot doctor`: looks at all that has to be right, and says of what is not how it is mended. */
import { styleText } from "node:util";
import type { Lookup } from "../../../upstream/net/name-lookup.ts";
import { startProblems } from "../../compose/start-problems.ts";
import type { Loaded } from "../../settings/load.ts";
import type { Settings } from "../../settings/settings.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { askServer } from "../control.ts";
import { lookAtDescriptors, lookAtFolder, lookAtPorts } from "./machine.ts";
import { lookAtCertificates, lookAtClients } from "./openness.ts";
import { lookAtRegistries } from "./registries.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

export type DoctorParts = {
  /** Throws SettingsError. */
  readonly load: () => Promise<Loaded>;
  readonly environment: NodeJS.ProcessEnv;
  readonly now: () => number;
  /** For tests; the system's when left out. */
  readonly lookup?: Lookup;
  readonly hasColours: boolean;
  readonly isJson: boolean;
  readonly print: (line: string) => void;
};

/** Milliseconds for everything that is asked elsewhere. */
const patience = 30_000;

/** Resolves with the exit code: 1 when something is wrong. */
export async function doctor(parts: DoctorParts): Promise<number> {
  const { print, isJson, hasColours } = parts;
  const findings = await examine(parts);
  if (isJson) print(JSON.stringify(findings));
  else for (const finding of findings) for (const line of linesOf(finding, hasColours)) print(line);
  return findings.some(({ mark }) => mark === "wrong") ? 1 : 0;
}

async function examine(parts: DoctorParts): Promise<readonly Symptom[]> {
  const { load, environment, now, lookup } = parts;
  const loaded = await load().catch((error: unknown) => {
    if (error instanceof SettingsError) return error;
    throw error;
  });
  if (loaded instanceof SettingsError) return loaded.problems.map(asFinding);
  const { settings, warnings } = loaded;
  const problems = (await startProblems(settings, now)).map(asFinding);
  const told = warnings.map((warning) => mind(warning, ""));
  const signal = AbortSignal.timeout(patience);
  return [
    ...(problems.length > 0 ? problems : [well("the settings make sense")]),
    ...told,
    ...(await lookAtFolder(settings)),
    ...(await lookAtDescriptors()),
    ...(await lookAtPorts(settings, await isServing(settings))),
    ...lookAtClients(settings),
    ...(await lookAtCertificates(settings, now())),
    ...(problems.length > 0
      ? []
      : await lookAtRegistries({ settings, environment, now, lookup, signal })),
  ];
}

/** Whether a server runs with this data folder. */
function isServing({ files: { dataDir } }: Settings): Promise<boolean> {
  const asked = { dataDir, settingsFile: undefined, envFile: undefined, environment: {} };
  return askServer(asked, { path: "status" }).then(
    () => true,
    () => false,
  );
}

/** `…; write …` is what is wrong and how it is mended. */
function asFinding(sentence: string): Symptom {
  const at = sentence.indexOf("; ");
  return at < 0 ? wrong(sentence, "") : wrong(sentence.slice(0, at), sentence.slice(at + 2));
}

const marks = { well: "✔", mind: "!", wrong: "✘" } as const;
const colours = { well: "green", mind: "yellow", wrong: "red" } as const;

function linesOf({ mark, what, mend }: Symptom, hasColours: boolean): readonly string[] {
  const sign = hasColours
    ? styleText(colours[mark], marks[mark], { validateStream: false })
    : marks[mark];
  return [`${sign} ${what}`, ...(mend ? [`    ${mend}`] : [])];
}
