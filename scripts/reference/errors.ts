/** docs/reference/errors.md: every code of the sources' closed lists, with the status that they answer it with. */
import { DownloadError } from "../../src/download/download-error.ts";
import { RegistryError, type RegistryErrorCode } from "../../src/protocol/registry-error.ts";
import { toRegistryError } from "../../src/registry/failure.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import {
  answerWords,
  clientWords,
  downloadWords,
  storeWords,
  type Table,
  upstreamWords,
} from "./error-words.ts";

const intro = `# Error codes

<!-- Written by \`npm run docs\` from the lists of codes in src and scripts/reference/error-words.ts. -->

What went wrong has a code of a closed list, so that no program has to read sentences. Clients get it as the
distribution spec has it, \`{"errors":[{"code","message","detail"}]}\`; the [log](log.md) has it as \`code\`, with the
sentence as \`error\`; traces have it as \`error.type\`. An answer of the registry itself is passed on as it came,
with its own codes.
`;

const inDetail = "In the log, and in `detail.reason` of what clients are told, with the host.";

export function errorsReference(): string {
  return [
    intro,
    section(
      "What clients are told",
      "The status is the usual one; some sentences come with another.",
      {
        table: answerWords,
        statusOf: (code: RegistryErrorCode) => new RegistryError(code, "").status,
      },
    ),
    section("Why a registry could not be asked", inDetail, {
      table: upstreamWords,
      statusOf: (code) => toRegistryError(new UpstreamError(code, "", "")).status,
    }),
    section("Why a download ended", "", {
      table: downloadWords,
      statusOf: (code) => toRegistryError(new DownloadError(code, "")).status,
    }),
    section("What is wrong with the disk, the records or the bucket", "", {
      table: storeWords,
      statusOf: (code) => toRegistryError(new StoreError(code, "")).status,
    }),
    section("Why an answer did not get to its client", "In the log alone.", {
      table: clientWords,
      statusOf: () => undefined,
    }),
    "What keeps it from starting is a sentence that says what to write, and exit code 78; the other exit codes are",
    "with the [commands](commands.md).",
    "",
  ].join("\n");
}

function section<Code extends string>(
  title: string,
  about: string,
  of: { readonly table: Table<Code>; readonly statusOf: (code: Code) => number | undefined },
): string {
  const codes = Object.keys(of.table) as Code[];
  const rows = codes.map((code) => {
    const { means, next } = of.table[code];
    return `| \`${code}\` | ${of.statusOf(code) ?? "–"} | ${means} | ${next} |`;
  });
  const head = ["| code | status | what it means | what to do |", "|---|---|---|---|"];
  return [`## ${title}`, "", ...(about === "" ? [] : [about, ""]), ...head, ...rows, ""].join("\n");
}
