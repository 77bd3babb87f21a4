/**
 * Keeps open dashboards up to date: each panel is made once and sent to all, and only where it has
 * changed. With no dashboard open nothing is made.
 */
import type { ServerResponse } from "node:http";
import type { PanelId } from "./dashboard-page.ts";

export type LiveOptions = {
  readonly panel: (id: PanelId) => Promise<string>;
  /** Milliseconds between two looks; a second. */
  readonly interval?: number;
};

/** After how many looks each panel is made anew. */
const every: readonly (readonly [PanelId, number])[] = [
  ["findings", 1],
  ["downloads", 1],
  ["savings", 10],
  ["registries", 10],
  ["requests", 10],
  ["plots", 60],
  ["images", 60],
  ["disk", 60],
];

const mostStreams = 200;
/** Who reads nothing is let go. */
const mostWaiting = 1024 * 1024;

export class Live {
  readonly #options: LiveOptions;
  readonly #streams = new Set<ServerResponse>();
  readonly #last = new Map<PanelId, string>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #isLooking = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** False when there are too many. */
  open(response: ServerResponse): boolean {
    if (this.#streams.size >= mostStreams) return false;
    response.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
    });
    response.write("retry: 2000\n\n");
    this.#streams.add(response);
    response.once("close", () => this.#left(response));
    const { interval = 1_000 } = this.#options;
    this.#timer ??= setInterval(() => void this.#look(), interval).unref();
    return true;
  }

  /** Ends all of them at once. */
  end(): void {
    for (const stream of this.#streams) stream.end();
    this.#stop();
  }

  #left(response: ServerResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#last.clear();
    this.#looks = 0;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#looks += 1;
    const due = every.filter(([, looks]) => this.#looks % looks === 0);
    for (const [id] of due) await this.#renew(id);
    if (this.#looks % 15 === 0) this.#send(": still here\n\n");
    this.#isLooking = false;
  }

  async #renew(id: PanelId): Promise<void> {
    const html = await this.#options.panel(id);
    if (this.#last.get(id) === html) return;
    this.#last.set(id, html);
    this.#send(`event: panel\ndata: ${JSON.stringify({ id, html })}\n\n`);
  }

  #send(text: string): void {
    for (const stream of this.#streams) {
      if (stream.writableLength > mostWaiting) stream.destroy();
      else stream.write(text);
    }
  }
}
