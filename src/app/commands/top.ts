/** `entrepot top`: what goes on right now, drawn anew each second until it is stopped. */
import { askServer, type ServerAsked } from "./control.ts";
import { ago, cut, imageName, inColumns, printBytes } from "./readable-answers.ts";

type Output = Pick<NodeJS.Process, "stdout" | "stdin"> & { readonly isJson: boolean };

type Download = {
  readonly registry: string;
  readonly repository: string;
  readonly digest: string;
  readonly written: number;
  readonly size?: number;
  readonly readers: number;
  readonly speed: number;
};
type Request = {
  readonly at: number;
  readonly client: string;
  readonly registry: string;
  readonly repository?: string;
  readonly what: string;
  readonly outcome: string;
  readonly status: number;
  readonly bytes: number;
};
type Seen = {
  readonly status: {
    readonly isWell: boolean;
    readonly findings: readonly { readonly level: string; readonly what: string }[];
  };
  readonly downloads: { readonly downloads: readonly Download[] };
  readonly requests: { readonly requests: readonly Request[] };
};

const screen = {
  enter: "\u001b[?1049h\u001b[?25l",
  leave: "\u001b[?25h\u001b[?1049l",
  home: "\u001b[H",
};
const [toLineEnd, toScreenEnd] = ["\u001b[K", "\u001b[J"];

/** Resolves with the exit code. Where there is no terminal it prints once. */
export async function top(asked: ServerAsked, output: Output): Promise<number> {
  const { stdout } = output;
  const first = await look(asked);
  if (output.isJson || !stdout.isTTY) {
    const text = output.isJson ? JSON.stringify(first) : drawn(first, 80, 50).join("\n");
    stdout.write(`${text}\n`);
    return 0;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
  stdout.write(screen.enter);
  try {
    await redraw(asked, stdout, { seen: first, signal: stop.signal });
    return 0;
  } finally {
    stdout.write(screen.leave);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  }
}

async function redraw(
  asked: ServerAsked,
  stdout: NodeJS.WriteStream,
  from: { readonly seen: Seen; readonly signal: AbortSignal },
): Promise<void> {
  let { seen } = from;
  const { signal } = from;
  while (!signal.aborted) {
    const lines = drawn(seen, stdout.columns, stdout.rows - 1);
    stdout.write(`${screen.home}${lines.map((line) => line + toLineEnd).join("\n")}${toScreenEnd}`);
    await second(signal);
    if (!signal.aborted) seen = await look(asked);
  }
}

async function look(asked: ServerAsked): Promise<Seen> {
  const [status, downloads, requests] = await Promise.all(
    ["status", "downloads", "requests"].map((path) => askServer(asked, { path })),
  );
  return { status, downloads, requests } as Seen;
}

function second(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, 1_000);
    signal.addEventListener("abort", over);
  });
}

function drawn(
  { status, downloads, requests }: Seen,
  columns: number,
  rows: number,
): readonly string[] {
  const state = status.isWell
    ? ["All well"]
    : status.findings.map(({ what }) => cut(what, columns));
  const fetching = downloads.downloads.map((one) => [
    `${one.registry.replace(/^http:\/\//, "")}/${one.repository}`,
    one.size === undefined
      ? printBytes(one.written)
      : `${Math.floor((100 * one.written) / one.size)} %`,
    one.size === undefined ? "–" : printBytes(one.size),
    `${printBytes(one.speed)}/s`,
    String(one.readers),
  ]);
  const asked = requests.requests
    .slice(0, 200)
    .map((one) => [
      nameOf(one),
      one.outcome,
      String(one.status),
      printBytes(one.bytes),
      one.client,
      ago(one.at),
    ]);
  const all = [
    ...state,
    "",
    ...inColumns([["DOWNLOAD", "DONE", "SIZE", "SPEED", "WAITING"], ...fetching], columns),
    "",
    ...inColumns([["REQUEST", "OUTCOME", "STATUS", "SIZE", "CLIENT", "WHEN"], ...asked], columns),
  ];
  return all.slice(0, rows);
}

function nameOf({ registry, repository, what }: Request): string {
  return repository === undefined
    ? `${registry} ${what}`
    : imageName({ registry, repository, reference: what });
}
