/**
 * The file of `--env-file`: a `NAME=value` on each line, read alike whoever wrote it. What stands
 * behind the first `=` is the value as it is, with its `$`, `#`, quotes and backslashes; only a pair
 * of quotes around the whole of it is taken off, and between double ones a backslash keeps the next
 * `"`, `\`, `$` or backtick. Nothing is ever put in for `$NAME`.
 */
export type EnvFile = {
  readonly variables: Readonly<Record<string, string>>;
  /** A sentence for each line that makes no sense; none quotes a value. */
  readonly problems: readonly string[];
  /** What is probably not as it was meant. */
  readonly warnings: readonly string[];
};

export function readEnvFile(path: string, content: string): EnvFile {
  const variables: Record<string, string> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  const lines = content.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    const line = (lines[at] ?? "").trim();
    if (isNothing(line)) continue;
    const read = readLine(line, lines.slice(at + 1));
    if (read.problem !== undefined) {
      problems.push(`${path} ${read.problem.replace("@", `line ${at + 1}`)}`);
      continue;
    }
    at += read.more;
    variables[read.name] = read.value;
    if (read.hasComment) {
      warnings.push(
        `${read.name} in ${path} has a # that counts as part of it; comments have lines of their own`,
      );
    }
  }
  return { variables, problems, warnings };
}

/** A name alone means what the environment has, as it does to docker. */
function isNothing(line: string): boolean {
  return line === "" || line.startsWith("#") || /^\w+$/.test(line);
}

type Line =
  | {
      readonly name: string;
      readonly value: string;
      readonly more: number;
      readonly hasComment: boolean;
      readonly problem?: undefined;
    }
  | { readonly problem: string };

function readLine(line: string, rest: readonly string[]): Line {
  const [, name, behind = ""] = /^(?:export\s+)?([A-Za-z_]\w*)=(.*)$/s.exec(line) ?? [];
  if (name === undefined) return { problem: "has no NAME=value in @; write one, or a # before it" };
  const written = behind.trimStart();
  const { value, more } = readValue(written, rest);
  if (value === undefined) {
    return { problem: "opens a quote in @ and never closes it; close it, or leave it out" };
  }
  return { name, value, more, hasComment: value === written && /\s#/.test(value) };
}

/** A quoted value may go on over the next lines: `more` of them. */
function readValue(
  written: string,
  rest: readonly string[],
): { readonly value?: string; readonly more: number } {
  const quote = written[0];
  if (quote !== '"' && quote !== "'") return { value: written, more: 0 };
  let text = written.slice(1);
  for (let more = 0; ; more += 1) {
    const isClosed = text.endsWith(quote) && !(quote === '"' && /(?<!\\)(?:\\\\)*\\"$/.test(text));
    if (isClosed) return { value: unquoted(text.slice(0, -1), quote), more };
    const next = rest[more];
    if (next === undefined) return { more: 0 };
    text += `\n${next.trimEnd()}`;
  }
}

function unquoted(text: string, quote: '"' | "'"): string {
  return quote === "'" ? text : text.replace(/\\(["\\$`])/g, "$1");
}
