/** What the page tells of one kind of client: sentences, lines to paste, files to write. */
import { type Html, html } from "../server/html.ts";
import type { SetupFacts, SetupHandout } from "./setup-script.ts";

export type Offer = {
  readonly facts: SetupFacts;
  /** The scripts that are handed out under this name. */
  readonly scripts: readonly SetupHandout[];
};

export type Client = {
  /** The page's address of it: `/#kind`. */
  readonly id: string;
  readonly name: string;
  /** Empty where there is nothing for it under this name. */
  readonly steps: (offer: Offer) => readonly Html[];
};

/** Whether clients may send everything through here; a name that stands for one registry is a mirror of that alone. */
export function isProxy({ facts }: Offer): boolean {
  return facts.isOneRegistry !== true;
}

/** Whether dockerd can ask here for Docker Hub's images. */
export function isHubMirror({ scripts }: Offer): boolean {
  return scripts.some(({ name }) => name === "docker-mirror");
}

/** A script by its name, to be fetched, read and run: empty where it is not handed out. */
export function runScript(
  { facts, scripts }: Offer,
  name: string,
  ...andThen: readonly Html[]
): readonly Html[] {
  const script = scripts.find((one) => one.name === name);
  if (script === undefined) return [];
  const url = `${facts.mirror}/setup/${name}`;
  return [
    html`<p>${script.summary} Fetch <a href="/setup/${name}">its script</a>, read it, and run it:</p>`,
    lines([`curl -fsS ${url} -o setup-entrepot.sh`, "less setup-entrepot.sh"]),
    lines([`${script.isForAnyUser === true ? "" : "sudo "}bash setup-entrepot.sh`]),
    ...andThen,
  ];
}

/** Lines for a shell. They break between words alone, as a command may, and a click takes them all. */
export function lines(commands: readonly string[]): Html {
  const shown = commands.map((command) => html`<span class="line">${words(command)}\n</span>`);
  return html`<pre class="lines" tabindex="0">${shown}</pre>`;
}

function words(command: string): readonly Html[] {
  const all = command.match(/ +|(?:"[^"]*"|'[^']*'|[^ "'])+/g) ?? [];
  return all.map((word) => (word.startsWith(" ") ? html`${word}` : html`<b>${word}</b>`));
}

/** What a file has to hold; its lines stay as they are. */
export function file(path: string, content: string): Html {
  return html`<p class="path"><code>${path}</code></p>${text(content)}`;
}

export function text(content: string): Html {
  return html`<pre tabindex="0">${content}</pre>`;
}

export function bareHost(url: string): string {
  return url.replace(/^https?:\/\//, "");
}
