/**
 * A set-up script and how it is printed. Only validated host names and PEM text are ever put into one,
 * since it is piped into a root shell.
 */

import type { Registry } from "../../protocol/registry-name.ts";
import { scriptFrame } from "./script-frame.ts";

export type SetupFacts = {
  /** `host:port` of the proxy door, as this very client reaches it. */
  readonly proxy: string;
  /** `http://host:port` or `https://host[:port]` of the mirror door. */
  readonly mirror: string;
  /** The CA that clients trust, PEM. */
  readonly root: string;
  /** The one that is to sign later. */
  readonly next?: { readonly root: string } | undefined;
  readonly fingerprint: string;
  /** Registries that the mirror door is set up for, by the names that clients use. */
  readonly registries: readonly Registry[];
  /** This name of ours stands for the one of `registries`, and takes no other's path. */
  readonly isOneRegistry?: boolean;
  /** Images are pushed under this name. */
  readonly isHosted?: boolean;
};

export type SetupScript = {
  /** What stands after `/setup/`. */
  readonly name: string;
  /** Other words that lead to the same script. */
  readonly aliases?: readonly string[];
  /** One line for the front page and `--help`. */
  readonly summary: string;
  /** Why there is none for a name that stands for one registry; undefined when there is. */
  readonly refusal?: (registry: Registry) => string | undefined;
  /** What it takes besides what all take, a line of help each. */
  readonly options?: readonly string[];
  /** It changes nothing that is root's. */
  readonly isForAnyUser?: true;
  /** bash: defines `apply` and `undo`; may use everything the frame defines. */
  readonly body: (facts: SetupFacts) => string;
};

/** What is given out at `/setup/`, however it is made. */
export type SetupHandout = Omit<SetupScript, "body" | "options"> & {
  readonly print: (facts: SetupFacts) => string;
  /** Undefined: a script for a shell. */
  readonly kind?: "powershell";
};

export function handout(script: SetupScript): SetupHandout {
  return { ...script, print: (facts) => printScript(script, facts) };
}

/** In the place of a script that is not for here: `curl -f` would show no more than a status. */
export function printRefusal(sentence: string): string {
  return `#!/bin/sh
cat >&2 <<'END'
entrepot: nothing was changed: ${sentence}
END
exit 1
`;
}

/** The whole script. Everything is in functions, so a download cut short does nothing at all. */
export function printScript(script: SetupScript, facts: SetupFacts): string {
  const url = `${facts.mirror}/setup/${script.name}`;
  const isForRoot = script.isForAnyUser !== true;
  const sudo = isForRoot ? "sudo " : "";
  return `#!/usr/bin/env bash
# ${script.summary}
# From the proxy at ${facts.proxy}; its CA has the SHA-256 fingerprint
# ${facts.fingerprint}
[ -n "\${BASH_VERSION-}" ] || { echo 'entrepot: this is a script for bash: run it with bash' >&2; exit 1; }
set -euo pipefail +o posix

usage() {
  cat <<'END'
${script.summary}

  curl -fsS ${url} -o setup-entrepot.sh
  less setup-entrepot.sh
  ${sudo}bash setup-entrepot.sh

  --undo        take everything back
  --print       show what would be written, change nothing
  --no-restart  leave running services alone; run it again to restart them
  --root DIR    write below DIR (an image being built) and start nothing
${(script.options ?? []).map((line) => `  ${line}\n`).join("")}  --help        this text
END
}

# There is this file while an earlier run has something left to do.
unfinished=/var/lib/entrepot-${script.name}.unfinished
address=${facts.mirror.replace(/^https?:\/\//, "")}
needs_root=${isForRoot ? "yes" : ""}
# Whether this name is one of several, each of which stands for one registry.
one_of_several=${facts.isOneRegistry === true ? "yes" : ""}
${scriptFrame}
${script.body(facts)}

main "$@"
`;
}
