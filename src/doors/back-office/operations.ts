/**
 * All that Entrepot can be asked or told, for whoever asks: the routes of the back office and of
 * control.sock, and a command where no server runs, which builds the same over the data folder.
 */
import type { Overview } from "./overview.ts";

export type DashboardLink = {
  /** Good once, for a minute. */
  readonly path: string;
  /** Where a browser on this machine finds it, without the path; undefined without a port. */
  readonly url: string | undefined;
};

export interface Operations {
  /** What there is, what it saves and what is wrong: changes nothing. */
  readonly overview: Overview;
  /** Undefined where no server runs, and so no dashboard. */
  dashboardLink(): DashboardLink | undefined;
}
