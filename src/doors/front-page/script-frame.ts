/** bash: what every set-up script stands on: its options, idempotent writing, undoing, restarting. */

export const scriptFrame = `
action=apply printing=no restarting=yes root='' changed=no waiting=no foreign='' left=no

say() { printf 'entrepot: %s\\n' "$*"; }
warn() { printf 'entrepot: %s\\n' "$*" >&2; }
die() { warn "$@"; exit 1; }

main() {
  while (($#)); do
    case $1 in
      --undo) action=undo ;;
      --print) printing=yes ;;
      --no-restart) restarting=no ;;
      --root) root=\${2-}; shift || true; [[ -d $root ]] || die "--root needs a folder" ;;
      --help | -h) usage; exit 0 ;;
      # What this script alone takes.
      *) { declare -F option >/dev/null && option "$1"; } || die "unknown option $1; --help lists them" ;;
    esac
    shift
  done
  [[ -z $needs_root || $printing = yes || -n $root || $EUID -eq 0 ]] || die "this needs root: run it with sudo"
  if is_here && [[ -e $unfinished ]]; then
    say "going on where an earlier run left off"
    changed=yes
  fi
  "$action"
  [[ $changed = yes || -n $foreign || $left = yes ]] || say "nothing to do"
  if is_here && [[ $waiting = no ]]; then rm -f "$unfinished"; fi
  [[ -z $foreign ]] || die "to do by hand: add the lines above to$foreign"
  [[ $left = no ]] || die "to do by hand: the lines above"
}

# is_here: whether this very machine is changed
is_here() { [[ $printing = no && -z $root ]]; }

# begin: from here on something changes, which the end of main completes
begin() {
  changed=yes
  if is_here; then : >"$unfinished"; fi
}

# behind_link PATH: where a link leads; below DIR it may lead out of it
behind_link() {
  if [[ -z $root && -L $1 ]]; then readlink -f "$1"; else printf %s "$root$1"; fi
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
  local path
  path=$(behind_link "$1")
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
