/** What the server says, as a person reads it in a terminal. */
import type { Sums } from "../../store/catalogue-store.ts";

type Bytes = { readonly whole: number; readonly kept: number; readonly own: number };
type Image = {
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  readonly digest: string;
  readonly platforms: readonly { readonly name: string; readonly isKept: boolean }[];
  readonly bytes: Bytes;
  readonly firstSeen: number;
  readonly lastPull?: number;
  readonly pulls: number;
  readonly visibility: string;
  readonly from: string;
  readonly state: string;
};

export function printImages(value: unknown, columns: number | undefined): string {
  const { images, total } = value as { readonly images: readonly Image[]; readonly total: number };
  if (total === 0) return "No image was asked for under such a name.";
  const rows = images.map((one) => [
    imageName(one),
    shortDigest(one.digest),
    platformsOf(one),
    printBytes(one.bytes.whole),
    printBytes(one.bytes.kept),
    one.lastPull === undefined ? "never" : ago(one.lastPull),
    String(one.pulls),
    stateOf(one),
  ]);
  const head = ["IMAGE", "DIGEST", "PLATFORMS", "SIZE", "KEPT", "LAST-PULL", "PULLS", "STATE"];
  const more = total > images.length ? [`${total - images.length} more; --limit shows them`] : [];
  return [...inColumns([head, ...rows], columns), ...more].join("\n");
}

export function printImage(value: unknown): string {
  const image = value as Image & {
    readonly blobs: readonly {
      readonly digest: string;
      readonly size: number;
      readonly isKept: boolean;
    }[];
  };
  const { bytes, lastPull } = image;
  const facts = [
    ["image", imageName(image)],
    ["digest", image.digest],
    [
      "size",
      `${printBytes(bytes.whole)}, ${printBytes(bytes.kept)} kept, ${printBytes(bytes.own)} needed by it alone`,
    ],
    [
      "platforms",
      image.platforms.map(({ name, isKept }) => (isKept ? name : `(${name})`)).join(" ") || "–",
    ],
    ["first seen", ago(image.firstSeen)],
    ["last pull", lastPull === undefined ? "never" : ago(lastPull)],
    ["pulls", String(image.pulls)],
    ["where from", image.from],
    ["who may have it", image.visibility],
    ["state", image.state],
  ];
  const blobs = image.blobs.map(({ digest, size, isKept }) => [
    digest,
    printBytes(size),
    isKept ? "kept" : "not kept",
  ]);
  return [
    ...facts.map(([name = "", text = ""]) => `${name.padEnd(17)}${text}`),
    "",
    ...inColumns([["BLOB", "SIZE", "STATE"], ...blobs], undefined),
  ].join("\n");
}

export function printStats(value: unknown, columns: number | undefined): string {
  const { day, month, registries } = value as {
    readonly day: Sums;
    readonly month: Sums;
    readonly registries: readonly {
      readonly registry: string;
      readonly day: Sums;
      readonly month: Sums;
    }[];
  };
  const row = (name: string, sums: Sums): string[] => [
    name,
    String(sums.pulls),
    sums.pulls === 0 ? "–" : `${Math.round((100 * sums.cachedPulls) / sums.pulls)} %`,
    printBytes(sums.saved),
    printBytes(sums.sent),
    printBytes(sums.fetched),
    String(sums.errors),
  ];
  const head = ["", "PULLS", "CACHED", "SAVED", "SENT", "FETCHED", "ERRORS"];
  const rows = [
    ...[head, row("last 24 h", day), row("last 30 d", month)],
    ...registries.map((one) => row(one.registry, one.month)),
  ];
  return inColumns(rows, columns).join("\n");
}

export function printExplanation(value: unknown): string {
  const { image, lines } = value as { readonly image: string; readonly lines: readonly string[] };
  return [image, ...lines.map((line) => `  ${line}`)].join("\n");
}

function stateOf({ from, state }: Image): string {
  if (from !== "imported") return state;
  return state === "kept" ? from : `${from}, ${state}`;
}

export function imageName({
  registry,
  repository,
  reference,
}: Pick<Image, "registry" | "repository" | "reference">) {
  const name = `${registry.replace(/^http:\/\//, "")}/${repository}`;
  return /^sha\d+:/.test(reference) ? `${name}@${shortDigest(reference)}` : `${name}:${reference}`;
}

function platformsOf({ platforms }: Image): string {
  const kept = platforms
    .filter(({ isKept }) => isKept)
    .map(({ name }) => name.replace(/^linux\//, ""));
  const others = platforms.length - kept.length;
  if (platforms.length === 0) return "–";
  return `${kept.join(",") || "none"}${others > 0 ? ` +${others}` : ""}`;
}

/** As wide as what is in it; the first column gives way where the terminal is too narrow for all. */
export function inColumns(
  rows: readonly (readonly string[])[],
  columns: number | undefined,
): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const [first = 0, ...others] = widths;
  const rest = others.reduce((sum, width) => sum + width + 2, 0);
  const room = columns === undefined ? first : Math.max(12, Math.min(first, columns - rest));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cut(cell, room).padEnd(room) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** Its start names the registry, its end the tag. */
export function cut(text: string, room: number): string {
  if (text.length <= room) return text;
  const end = Math.ceil((room - 1) * 0.6);
  return `${text.slice(0, room - 1 - end)}…${text.slice(-end)}`;
}

function shortDigest(text: string): string {
  return text.replace(/^sha\d+:/, "").slice(0, 12);
}

export function printBytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let [value, unit] = [count, 0];
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024;
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

export function ago(at: number): string {
  const seconds = Math.max(0, (Date.now() - at) / 1_000);
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h ago`
    : `${Math.round(seconds / 86_400)} d ago`;
}
