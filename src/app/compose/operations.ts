/**
 * All that can be asked or told, over what there is: for a server, and for a command where none runs. What
 * is seldom asked is read into memory when it is.
 */
import type { Operations } from "../../doors/back-office/operations.ts";
import { Overview } from "../../doors/back-office/overview.ts";
import type { House } from "../../doors/back-office/ports.ts";
import type { Collect, Collected } from "../../hosted/gc/collector.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import type { Settings } from "../settings/settings.ts";
import type { Core } from "./core.ts";
import { explaining } from "./explaining.ts";
import { reachOf } from "./listen.ts";
import { Removing } from "./removing.ts";

export type OperationsParts = {
  readonly core: Core;
  readonly house: House;
  readonly dashboardLink: Operations["dashboardLink"];
};

export function composeOperations({ core, house, dashboardLink }: OperationsParts): Operations {
  const { figures, images, catalogue, statistics: store, now } = core;
  const flush = (): Promise<void> => catalogue.flush();
  const explain = explaining(core);
  const overview = new Overview({ figures, house, images, store, flush, explain, now });
  const removing = new Removing(core);
  return {
    ...{ overview, dashboardLink, keepForBackup: core.store.keepStill },
    standsFor: standsFor(core.settings),
    beginExport: async (ask) => (await import("./exporting.ts")).beginExport(core, ask),
    beginImport: async (ask) => (await import("./importing.ts")).beginImport(core, ask),
    removal: (what) => removing.look(what),
    remove: (what) => removing.remove(what),
    collectGarbage: async (ask) =>
      (await core.hosted?.collector.collect(ask)) ?? nothingPushed(ask),
  };
}

function standsFor({ mirror }: Settings): Operations["standsFor"] {
  const names = new Map(mirror.hosts.map(({ host, registry }) => [host, registry?.name]));
  return (host) => names.get(host);
}

/** Where nothing ever was pushed nothing has to go. */
function nothingPushed({ isDry }: Collect): Collected {
  return { isDry, going: [], freed: [], returned: [], skipped: [] };
}

export function clientUrl({ listen, access }: Settings): string {
  const [host = "127.0.0.1"] = reachOf(listen.host, access.allowClients).names;
  return `http://${formatHostPort({ host, port: listen.port })}`;
}
