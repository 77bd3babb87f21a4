/** `entrepot doctor`: looks at all that has to be right, and says of what is not how it is mended. */
import { styleText } from "node:util";
import type { Lookup } from "../../../upstream/net/name-lookup.ts";
import { startProblems } from "../../compose/start-problems.ts";
import type { Loaded } from "../../settings/load.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { lookAtArchive } from "./archive.ts";
import { lookAtCertificates } from "./certificates.ts";
import type { Examination, Look } from "./examination.ts";
import { lookAtDescriptors, lookAtFolder, lookAtPorts } from "./machine.ts";
import { lookAtClients } from "./openness.ts";
import { lookAtOwners } from "./owners.ts";
import { lookAtRecords } from "./records.ts";
import { lookAtRegistries } from "./registries.ts";
import { lookAtSecretFiles } from "./secret-files.ts";
import { findServer, lookAtTunnels, lookAtVersion } from "./server.ts";
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

/** What is looked at, in the order in which it is told. */
const looks: readonly Look[] = [
  lookAtFolder,
  lookAtOwners,
  lookAtSecretFiles,
  lookAtDescriptors,
  lookAtPorts,
  lookAtVersion,
  lookAtClients,
  lookAtCertificates,
  lookAtRecords,
  lookAtArchive,
  lookAtRegistries,
  lookAtTunnels,
];

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
  const { settings, secretFiles, warnings } = loaded;
  const problems = (await startProblems(settings, now)).map(asFinding);
  const its: Examination = {
    ...{ settings, secretFiles, environment, now, lookup },
    server: await findServer(settings),
    mayAsk: problems.length === 0,
    signal: AbortSignal.timeout(patience),
  };
  const findings: Symptom[] = [];
  // One after the other: a port that is tried must not be taken for a server's, nor a clock for a slow one.
  for (const look of looks) findings.push(...(await look(its)));
  return [
    ...(problems.length > 0 ? problems : [well("the settings make sense")]),
    ...warnings.map(asMinded),
    ...findings,
  ];
}

/** `…; write …` is what is wrong and how it is mended. */
function asFinding(sentence: string): Symptom {
  const [what, mend] = halves(sentence);
  return wrong(what, mend);
}

function asMinded(sentence: string): Symptom {
  const [what, mend] = halves(sentence);
  return mind(what, mend);
}

function halves(sentence: string): readonly [string, string] {
  const at = sentence.lastIndexOf("; ");
  return at < 0 ? [sentence, ""] : [sentence.slice(0, at), sentence.slice(at + 2)];
}

const marks = { well: "✔", mind: "!", wrong: "✘" } as const;
const colours = { well: "green", mind: "yellow", wrong: "red" } as const;

function linesOf({ mark, what, mend }: Symptom, hasColours: boolean): readonly string[] {
  const sign = hasColours
    ? styleText(colours[mark], marks[mark], { validateStream: false })
    : marks[mark];
  return [`${sign} ${what}`, ...(mend ? [`    ${mend}`] : [])];
}
