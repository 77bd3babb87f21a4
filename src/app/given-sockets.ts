/**
 * Sockets that systemd listens on for us and hands over (sd_listen_fds(3)): they stay open while the
 * program restarts, so that nobody is turned away, and ports below 1024 need no capability.
 */

/** File descriptors, by what is spoken there. */
export type GivenSockets = {
  readonly clients?: number | undefined;
  readonly tls?: number | undefined;
  /** Where http-01 challenges are answered. */
  readonly http?: number | undefined;
  /** Of names without a meaning here, or given twice. */
  readonly unknown?: readonly number[];
};

type SocketUse = Exclude<keyof GivenSockets, "unknown">;

/** Names of our units, and what FileDescriptorName= may say instead. */
const uses: Readonly<Record<string, SocketUse>> = {
  "entrepot.socket": "clients",
  clients: "clients",
  "entrepot-tls.socket": "tls",
  tls: "tls",
  "entrepot-http.socket": "http",
  http: "http",
};

const known = `Known are ${Object.keys(uses).join(", ")}; where the back office listens say ADMIN_HOST and ADMIN_PORT`;

/** The first one, after input, output and errors. */
const firstDescriptor = 3;

/**
 * What was handed to this very process, and warnings in sentences. The variables leave the environment,
 * since they are no child's business.
 */
export function takeGivenSockets(
  environment: NodeJS.ProcessEnv,
  pid: number,
): { readonly sockets: GivenSockets; readonly warnings: readonly string[] } {
  const { LISTEN_PID: forPid, LISTEN_FDS: count = "", LISTEN_FDNAMES: names = "" } = environment;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[name];
  if (forPid !== String(pid) || !/^[1-9]\d{0,2}$/.test(count)) return { sockets: {}, warnings: [] };
  const sockets: { [use in SocketUse]?: number } = {};
  const unknown: number[] = [];
  const warnings: string[] = [];
  for (let at = 0; at < Number(count); at += 1) {
    const name = names.split(":")[at] ?? "";
    const use = uses[name];
    if (use === undefined || sockets[use] !== undefined) {
      warnings.push(unused(name, use));
      unknown.push(firstDescriptor + at);
    } else {
      sockets[use] = firstDescriptor + at;
    }
  }
  return { sockets: { ...sockets, unknown }, warnings };
}

function unused(name: string, use: SocketUse | undefined): string {
  const called = name === "" ? "without a name" : name;
  return use === undefined
    ? `systemd handed over a socket ${called}, of which nothing is known here; whoever connects is turned away. ${known}`
    : `systemd handed over more than one socket ${called}; the first one is used, and who connects to another is turned away`;
}
