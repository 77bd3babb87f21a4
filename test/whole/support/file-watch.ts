/** Notes every path that anything in this process hands to the file system, while it watches. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { resolve } from "node:path";

type Callable = (...args: unknown[]) => unknown;

export class FileWatch {
  /** Absolute; each once. */
  readonly touched = new Set<string>();
  readonly #undo: (() => void)[] = [];

  constructor() {
    for (const owner of [fs, fs.promises] as unknown as Record<string, unknown>[]) {
      for (const name of Object.keys(owner)) this.#hook(owner, name);
    }
    // Else only those who import the whole module would see the hooks.
    syncBuiltinESMExports();
  }

  stop(): void {
    for (const undo of this.#undo) undo();
    syncBuiltinESMExports();
  }

  #hook(owner: Record<string, unknown>, name: string): void {
    const original = owner[name];
    const isCall = typeof original === "function" && /^[a-z]/.test(name);
    if (!isCall || Object.getOwnPropertyDescriptor(owner, name)?.writable !== true) return;
    const call = original as Callable;
    const touched = this.touched;
    owner[name] = Object.assign(function (this: unknown, ...args: unknown[]) {
      for (const path of args.slice(0, 2)) if (typeof path === "string") touched.add(resolve(path));
      return call.apply(this, args);
    }, original);
    this.#undo.push(() => {
      owner[name] = original;
    });
  }
}
