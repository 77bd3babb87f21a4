/** A file system whose N-th call fails, and that knows which files are still open. */
import {
  type FileSystem,
  nodeFileSystem,
  type OpenFile,
} from "../../../src/store/disk/file-system.ts";

export type FailingFileSystem = FileSystem & {
  /** Calls made so far. */
  readonly calls: () => number;
  readonly openFiles: () => number;
  /** From here on the N-th call (1 is the next) fails with this code, and if told so all after it; 0 for none. */
  readonly failAt: (call: number, code: string, how?: "once" | "always") => void;
  /** The calls that failed so, by name. */
  readonly failed: () => ReadonlySet<string>;
  /** From here on the N-th call of this name fails with EIO. */
  readonly failNext: (name: string, call?: number) => void;
  /** Syncs wait from here on until the function that is returned is called. */
  readonly holdSyncs: () => () => void;
};

export function failingFileSystem(): FailingFileSystem {
  const state = { calls: 0, failing: 0, until: 0, code: "EIO", open: 0 };
  const failed = new Set<string>();
  const named = { name: "", left: 0 };
  let syncGate = Promise.resolve();

  const isFailing = (name: string): boolean => {
    if (name === named.name) named.left -= 1;
    const isMeant = state.calls >= state.failing && state.calls <= state.until;
    return isMeant || (name === named.name && named.left === 0);
  };

  const attempt = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    state.calls += 1;
    if (!isFailing(name)) return work();
    failed.add(name);
    throw Object.assign(new Error(`${state.code}: injected, ${name}`), { code: state.code });
  };

  const watched = (file: OpenFile): OpenFile => ({
    read: (buffer, offset, length, position) =>
      attempt("read", () => file.read(buffer, offset, length, position)),
    // Half of it lands before the failure, as on a volume that fills up.
    write: async (buffer, offset, length, position) => {
      const next = state.calls + 1;
      if (next >= state.failing && next <= state.until)
        await file.write(buffer, offset, length >> 1, position);
      return attempt("write", () => file.write(buffer, offset, length, position));
    },
    stat: () => attempt("fstat", () => file.stat()),
    truncate: (length) => attempt("truncate", () => file.truncate(length)),
    sync: () => attempt("fsync", () => syncGate.then(() => file.sync())),
    close: async () => {
      state.open -= 1;
      await file.close();
      await attempt("close", async () => undefined);
    },
  });

  const fs = nodeFileSystem;
  return {
    open: (path, flags, mode) =>
      attempt("open", async () => {
        const file = watched(await fs.open(path, flags, mode));
        state.open += 1;
        return file;
      }),
    lstat: (path) => attempt("lstat", () => fs.lstat(path)),
    mkdir: (path, options) => attempt("mkdir", () => fs.mkdir(path, options)),
    readdir: (path) => attempt("readdir", () => fs.readdir(path)),
    rename: (from, to) => attempt("rename", () => fs.rename(from, to)),
    unlink: (path) => attempt("unlink", () => fs.unlink(path)),
    statfs: (path) => attempt("statfs", () => fs.statfs(path)),
    calls: () => state.calls,
    openFiles: () => state.open,
    failAt: (call, code, how = "once") => {
      state.failing = state.calls + call;
      if (call === 0) state.until = 0;
      else state.until = how === "once" ? state.failing : Number.POSITIVE_INFINITY;
      state.code = code;
    },
    failed: () => failed,
    failNext: (name, call = 1) => {
      Object.assign(named, { name, left: call });
    },
    holdSyncs: () => {
      const gate = Promise.withResolvers<void>();
      syncGate = gate.promise;
      return gate.resolve;
    },
  };
}
