/**
 * `entrepot images export IMAGE…`: an OCI image layout of what is here, as an archive, a folder or into a
 * pipe. Every byte is hashed on its way; what an earlier run left whole is not written again.
 */
import { stat } from "node:fs/promises";
import type { CarriedName, ExportPlan } from "../../../doors/back-office/carried-images.ts";
import {
  type LayoutDescriptor,
  layoutList,
  layoutMarker,
  layoutNames,
  layoutPath,
  printLayoutList,
} from "../../../protocol/image-layout.ts";
import { storeFailure } from "../../../store/disk/file-system.ts";
import { passing, progressOn, toldWhy } from "../carrying.ts";
import { AskError, type ServerAsked } from "../control.ts";
import { count } from "../garbage.ts";
import { printBytes } from "../readable-answers.ts";
import { ArchiveTarget, PipeTarget } from "./archive-target.ts";
import { FolderTarget } from "./folder-target.ts";
import type { LayoutTarget } from "./layout-target.ts";
import { type CarryLine, onLine } from "./line.ts";

export type ExportFlags = {
  readonly output?: string;
  readonly platform?: readonly string[];
  readonly json?: boolean;
};

export type CarryTerminal = Pick<NodeJS.Process, "stdout" | "stderr">;

type Written = { readonly blobs: number; readonly bytes: number; readonly there: number };

/** Resolves with the exit code. Throws AskError. */
export function exportImages(
  asked: ServerAsked,
  names: readonly string[],
  flags: ExportFlags,
  terminal: CarryTerminal,
): Promise<number> {
  const { output } = flags;
  if (output === undefined && terminal.stdout.isTTY) {
    const sentence = "an archive does not go onto a terminal; write -o FILE.tar or -o FOLDER";
    throw new AskError("WRONG_USE", sentence);
  }
  const work = onLine(asked, async (line) => {
    const platforms = (flags.platform ?? []).flatMap((text) => text.split(","));
    const held = await line.hold<{ plan: ExportPlan }>("exports", { names, platforms });
    try {
      const { plan, id } = held.told;
      const written = await carry(line, { plan, id, output }, terminal);
      tell(plan, written, flags, terminal);
      return 0;
    } finally {
      held.release();
    }
  });
  return toldWhy(work);
}

type Carried = {
  readonly plan: ExportPlan;
  readonly id: string;
  readonly output: string | undefined;
};

async function carry(line: CarryLine, carried: Carried, terminal: CarryTerminal): Promise<Written> {
  const { plan, id, output } = carried;
  const progress = progressOn(terminal.stderr, Date.now);
  const all = plan.contents.reduce((sum, { size }) => sum + size, 0);
  let passed = 0;
  const onPassed = (bytes: number): void => {
    passed += bytes;
    progress.tell(`${printBytes(passed)} of ${printBytes(all)} written`);
  };
  const done = { blobs: 0, bytes: 0, there: 0 };
  try {
    const target = await targetAt(output, plan, terminal);
    try {
      for (const content of plan.contents) {
        if (await target.has(content)) {
          done.there += 1;
          onPassed(content.size);
          continue;
        }
        const body = await line.read(`exports/${id}/blobs`, { digest: content.digest });
        await target.write(content, passing(body, onPassed));
        done.blobs += 1;
        done.bytes += content.size;
      }
      await target.finish(listsOf(plan));
    } finally {
      await target.close();
    }
    return done;
  } catch (error) {
    if (error instanceof AskError) throw error;
    throw storeFailure(error, `write ${output ?? "the archive"}`);
  } finally {
    progress.end();
  }
}

/** What is called `.tar`, or is a file, is an archive; anything else is a folder. */
async function targetAt(
  output: string | undefined,
  { contents }: ExportPlan,
  { stdout }: CarryTerminal,
): Promise<LayoutTarget> {
  if (output === undefined) return new PipeTarget(stdout);
  const its = await stat(output).catch(() => undefined);
  const isArchive = its === undefined ? output.endsWith(".tar") : !its.isDirectory();
  return isArchive ? ArchiveTarget.begin(output, contents) : new FolderTarget(output);
}

function listsOf({ names }: ExportPlan): ReadonlyMap<string, string> {
  const images = names.flatMap(({ name, tag, image }) =>
    image === undefined
      ? []
      : [
          {
            Config: layoutPath(image.config),
            RepoTags: tag === undefined ? null : [name],
            Layers: image.layers.map((digest) => layoutPath(digest)),
          },
        ],
  );
  const docker = images.length === 0 ? [] : [["manifest.json", JSON.stringify(images)] as const];
  return new Map([
    [layoutMarker.path, layoutMarker.text],
    // Engines that know no layouts read this one.
    ...docker,
    [layoutList, printLayoutList(names.map(descriptorOf))],
  ]);
}

function descriptorOf(one: CarriedName): LayoutDescriptor {
  const { mediaType, digest, size, artifactType, name, tag } = one;
  return {
    ...{ mediaType, digest, size },
    ...(artifactType === undefined || one.kind === "image" ? {} : { artifactType }),
    annotations: layoutNames(name, tag),
  };
}

function tell(
  plan: ExportPlan,
  written: Written,
  { output, json }: ExportFlags,
  { stdout, stderr }: CarryTerminal,
): void {
  // The archive itself may be what goes there.
  const out = output === undefined ? stderr : stdout;
  const images = plan.names.map(({ kind, name, digest, platforms, leftOut }) => ({
    ...{ kind, name, digest, platforms, leftOut },
  }));
  if (json === true) {
    out.write(`${JSON.stringify({ output: output ?? null, images, ...written })}\n`);
    return;
  }
  for (const line of linesOf(plan)) out.write(`${line}\n`);
  const where = output === undefined ? "" : ` to ${output}`;
  const there = written.there === 0 ? "" : `; ${written.there} were there`;
  const what = `${count(written.blobs, "blob")} (${printBytes(written.bytes)})`;
  out.write(`wrote ${what}${where}${there}\n`);
}

function linesOf({ names }: ExportPlan): readonly string[] {
  const images = names.filter(({ kind }) => kind === "image");
  const others = names.length - images.length;
  return [
    ...images.flatMap(({ name, platforms, leftOut }) => [
      `exported ${name}${platforms.length === 0 ? "" : ` for ${platforms.join(", ")}`}`,
      ...(leftOut.length === 0 ? [] : [`  left out, not all of it is here: ${leftOut.join(", ")}`]),
    ]),
    ...(others === 0
      ? []
      : [`  with ${count(others, "manifest")} about it: signatures and the like`]),
  ];
}
