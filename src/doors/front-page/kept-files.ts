/**
 * bash: a file of somebody else's that a script changes comes back byte for byte when it is undone, as
 * long as nobody has changed it since.
 */

/** Defines `keep`, `kept`, `is_as_left`, `restore`, `bring_back` and `forget_kept`. */
export function keptFiles(name: string): string {
  return `
before=/var/lib/entrepot-${name}.before

# keep PATH: to be called before a change of ours
keep() {
  local saved=$root$before$1
  [[ $printing = no ]] || return 0
  if [[ -e $saved.ours ]]; then
    # Somebody has changed it since: then there is no going back to what it was.
    cmp -s "$saved.ours" "$root$1" || rm -f "$saved" "$saved.ours"
    return
  fi
  mkdir -p "$(dirname "$saved")"
  rm -f "$saved"
  if [[ -e $root$1 ]]; then cp -p "$root$1" "$saved"; fi
  : >"$saved.ours"
}

# kept PATH: to be called after it
kept() {
  if [[ -e $root$before$1.ours ]]; then cp -p "$root$1" "$root$before$1.ours"; fi
}

# is_as_left PATH: since our change nobody has changed it
is_as_left() { [[ -e $root$before$1.ours ]] && cmp -s "$root$before$1.ours" "$root$1"; }

# restore PATH: as it was before
restore() {
  local saved=$root$before$1 path
  begin
  if [[ $printing = yes ]]; then
    say "would bring $1 back as it was"
  elif [[ -e $saved ]]; then
    path=$(behind_link "$1")
    cp -p "$saved" "$path.entrepot-new"
    mv -f "$path.entrepot-new" "$path"
    say "brought $1 back as it was"
  else
    rm -f "$root$1"
    say "removed $1"
  fi
}

# bring_back PATH: as it was before; fails where somebody has changed it since
bring_back() {
  is_as_left "$1" || return 1
  restore "$1"
}

forget_kept() {
  if [[ $printing = no ]]; then rm -rf "$root$before"; fi
}
`;
}
