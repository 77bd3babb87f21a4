/**
 * The frame of every set-up script: options, idempotent writing, undoing. Only validated host names and
 * PEM text are ever put into one, since it is piped into a root shell.
 */

import type { Registry } from "../../protocol/registry-name.ts";

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
  /** bash: defines `apply` and `undo`; may use everything the frame defines. */
  readonly body: (facts: SetupFacts) => string;
};

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
  sudo bash setup-entrepot.sh

  --undo        take everything back
  --print       show what would be written, change nothing
  --no-restart  leave running services alone; run it again to restart them
  --root DIR    write below DIR (an image being built) and start nothing
  --help        this text
END
}

# There is this file while an earlier run has something left to do.
unfinished=/var/lib/entrepot-${script.name}.unfinished
address=${facts.mirror.replace(/^https?:\/\//, "")}
# Whether this name is one of several, each of which stands for one registry.
one_of_several=${facts.isOneRegistry === true ? "yes" : ""}
${frame}
${script.body(facts)}

main "$@"
`;
}

const frame = `
action=apply printing=no restarting=yes root= changed=no waiting=no foreign=

say() { printf 'entrepot: %s\\n' "$*"; }
die() { printf 'entrepot: %s\\n' "$*" >&2; exit 1; }

main() {
  while (($#)); do
    case $1 in
      --undo) action=undo ;;
      --print) printing=yes ;;
      --no-restart) restarting=no ;;
      --root) root=\${2-}; shift || true; [[ -d $root ]] || die "--root needs a folder" ;;
      --help | -h) usage; exit 0 ;;
      *) die "unknown option $1; --help lists them" ;;
    esac
    shift
  done
  [[ $printing = yes || -n $root || $EUID -eq 0 ]] || die "this needs root: run it with sudo"
  if is_here && [[ -e $unfinished ]]; then
    say "going on where an earlier run left off"
    changed=yes
  fi
  "$action"
  [[ $changed = yes || -n $foreign ]] || say "nothing to do"
  if is_here && [[ $waiting = no ]]; then rm -f "$unfinished"; fi
  [[ -z $foreign ]] || die "to do by hand: add the lines above to$foreign"
}

# is_here: whether this very machine is changed
is_here() { [[ $printing = no && -z $root ]]; }

# begin: from here on something changes, which the end of main completes
begin() {
  changed=yes
  if is_here; then : >"$unfinished"; fi
}

# put PATH: makes standard input the content of PATH
put() {
  local content
  content=$(cat)
  if [[ $printing = yes ]]; then
    printf '# %s\\n%s\\n' "$1" "$content"
    changed=yes
    return
  fi
  if [[ -f $root$1 && $(cat "$root$1") == "$content" ]]; then return; fi
  begin
  mkdir -p "$(dirname "$root$1")"
  local path=$root$1
  # Below DIR a link may lead out of it.
  if [[ -z $root && -L $path ]]; then path=$(readlink -f "$path"); fi
  if [[ -f $path ]]; then
    cp -p "$path" "$path.entrepot-new"
  else
    : >"$path.entrepot-new"
    chmod 644 "$path.entrepot-new"
  fi
  printf '%s\\n' "$content" >"$path.entrepot-new"
  mv -f "$path.entrepot-new" "$path"
  say "wrote $1"
}

# drop PATH [folder]: removes a file that is ours, and with "folder" its folder if that is empty then
drop() {
  [[ -e $root$1 ]] || return 0
  begin
  if [[ $printing = yes ]]; then
    say "would remove $1"
  else
    rm -f "$root$1"
    [[ -z \${2-} ]] || rmdir "$(dirname "$root$1")" 2>/dev/null || true
    say "removed $1"
  fi
}

# is_ours PATH: not there yet, or written by one of these scripts, which say so in its first line
is_ours() {
  local first=
  [[ -s $root$1 ]] || return 0
  read -r first <"$root$1" || true
  [[ $first == '# Written by entrepot'* ]]
}

# is_anothers PATH: written for another of several names
is_anothers() {
  [[ -n $one_of_several && -s $root$1 ]] && ! grep -qF "$address" "$root$1"
}

# put_ours PATH: put, but never over somebody else's file; the end of main says what is left to do
put_ours() {
  if is_ours "$1" && ! is_anothers "$1"; then
    put "$1"
  elif grep -qF "$address" "$root$1"; then
    say "$1 is not ours and stays as it is; it names $address already"
  else
    printf '\\n%s\\n\\nentrepot: %s exists and is not ours\\n' "$(grep -v '^# Written by')" "$1" >&2
    foreign+=" $1"
  fi
}

drop_ours() {
  if is_anothers "$1"; then say "$1 is another name's and stays as it is"
  elif is_ours "$1"; then drop "$@"; else say "$1 is not ours and stays as it is"; fi
}

# is_live: whether services of this machine are ours to restart
is_live() {
  [[ $changed = yes ]] && is_here && command -v systemctl >/dev/null && [[ -d /run/systemd/system ]]
}

# restart VERB SERVICE...: those that are running
restart() {
  local verb=$1 service
  shift
  is_live || return 0
  systemctl daemon-reload
  for service in "$@"; do
    systemctl is-active --quiet "$service" || continue
    if [[ $restarting = yes ]]; then
      systemctl "$verb" "$service"
      say "$verb: $service"
    else
      waiting=yes
      say "$service was left alone: run this again without --no-restart"
    fi
  done
}
`;
