/**
 * Checks imports against the rooms: they point down only, wings of a room import each other in
 * their order only, and every package has its home. One line per breach.
 */
import { posix } from "node:path";
import { computing, computingNames, rooms } from "./rooms.ts";
import { type SourceFiles, withoutComments } from "./source-files.ts";

type Import = {
  readonly from: string;
  readonly isType: boolean;
  /** The names in braces, without what they are renamed to; undefined when there are no braces. */
  readonly names: readonly string[] | undefined;
};

type Place = { readonly room: string; readonly folder: string | undefined };

const order = Object.keys(rooms);

/** What is wrong with the imports of these files (paths start with `src/`). */
export function importBreaches(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => breachesOf(path, text));
}

/** Files that import each other in a circle, types too; one line per circle. */
export function importCircles(files: SourceFiles): string[] {
  const imports = new Map(
    [...files].map(([path, text]) => {
      const own = importsIn(text).filter(({ from }) => from.startsWith("."));
      return [path, own.map(({ from }) => posix.join(posix.dirname(path), from))];
    }),
  );
  const circles = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) circles.add([...trail.slice(at), path].join(" → "));
    if (at >= 0 || done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return [...circles];
}

/** What the rooms list and nothing has: folders without a file, packages that nobody imports. */
export function unusedRooms(files: SourceFiles): string[] {
  const folders = new Set<string>();
  const reached = new Set<string>();
  for (const [path, text] of files) {
    const { room, folder } = placeOf(path);
    folders.add(`${room}/${folder}`);
    for (const { from, isType } of importsIn(text)) {
      if (!isType) reached.add(`${room}: ${packageOf(from)}`);
    }
  }
  return Object.entries(rooms).flatMap(([room, { packages, wings = [] }]) => [
    ...wings.flat().flatMap((wing) => (folders.has(`${room}/${wing}`) ? [] : [`${room}/${wing}`])),
    ...packages.map((name) => `${room}: ${name}`).filter((each) => !reached.has(each)),
  ]);
}

function breachesOf(path: string, text: string): string[] {
  const place = placeOf(path);
  if (rooms[place.room] === undefined) return [`${path} lies in no room`];
  return importsIn(text).flatMap((each) => {
    const why = each.from.startsWith(".")
      ? whyNotFile(place, placeOf(posix.join(posix.dirname(path), each.from)), each.isType)
      : whyNotPackage(place.room, each);
    return why === undefined ? [] : [`${path} imports ${each.from}: ${why}`];
  });
}

function whyNotFile(from: Place, to: Place, isType: boolean): string | undefined {
  if (rooms[to.room] === undefined) return "it lies in no room";
  if (from.room === to.room) return whyNotWing(from, to);
  if (isType) {
    const isBelow = order.indexOf(from.room) < order.indexOf(to.room);
    return isBelow ? undefined : `${to.room} is not below ${from.room}`;
  }
  const mayImport = rooms[from.room]?.rooms.includes(to.room) === true;
  return mayImport ? undefined : `${from.room} may not import ${to.room}`;
}

/** A folder sees those of later groups of its room, never one beside or above it. */
function whyNotWing(from: Place, to: Place): string | undefined {
  if (to.folder === undefined || from.folder === to.folder) return undefined;
  const wings = rooms[from.room]?.wings ?? [];
  const at = (folder: string) => wings.findIndex((group) => group.includes(folder));
  if (at(to.folder) < 0) return `${to.room}/${to.folder} is no wing`;
  if (from.folder === undefined || at(from.folder) < at(to.folder)) return undefined;
  return `${from.room}/${from.folder} may not import ${to.folder}`;
}

function whyNotPackage(room: string, { from, isType, names }: Import): string | undefined {
  const name = packageOf(from);
  if (isType || computing.has(name)) return undefined;
  const free = computingNames[name];
  if (free !== undefined && names?.every((each) => free.includes(each))) return undefined;
  return rooms[room]?.packages.includes(name) ? undefined : `${room} may not reach ${name}`;
}

/** `src/doors/proxy/authority/ca.ts` is in room doors, folder proxy. */
function placeOf(path: string): Place {
  const [, room = "", ...rest] = path.split("/");
  return { room: rest.length === 0 ? "" : room, folder: rest.length > 1 ? rest[0] : undefined };
}

/** `node:fs/promises` is node:fs, `@keyv/sqlite/x` is @keyv/sqlite. */
function packageOf(from: string): string {
  return from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
}

// Biome's formatter fixes the form, so one expression sees every import; `import {type A}` counts as
// a value import because it is one: the module is loaded.
const statement = /^(?:import|export)\s+(?:(type)\s+)?(?:([^;"'()]*?)\s*from\s+)?"([^"]+)";/gm;
const dynamic = /(?<!typeof )\bimport\(\s*"([^"]+)"/g;
const loaded = /\b(?:require|import\.meta\.resolve)\(\s*"([^"]+)"/g;

function importsIn(source: string): Import[] {
  const text = withoutComments(source);
  const found = [...text.matchAll(statement)].map(([, type, clause = "", from = ""]) => ({
    from,
    isType: type !== undefined,
    names: namesIn(clause),
  }));
  const later = [...text.matchAll(dynamic), ...text.matchAll(loaded)];
  return [...found, ...later.map(([, from = ""]) => ({ from, isType: false, names: undefined }))];
}

function namesIn(clause: string): string[] | undefined {
  const inBraces = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  return inBraces
    ?.split(",")
    .map((name) => name.trim().replace(/^type\s+/, ""))
    .map((name) => name.replace(/\s+as\s+.*$/, ""))
    .filter((name) => name !== "");
}
