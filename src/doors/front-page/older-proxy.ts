/**
 * bash: what an older proxy has left on this client. dockerd goes by the drop-in that sorts last, so an
 * older one either wins over ours or counts again once ours is gone. Nothing of it is removed unasked,
 * but for the drop-in of docker-registry-proxy's script when ours is undone: that is set aside.
 */

/** What there is, and the lines that remove it. Needs `ca`, `drop_in`, `unit` and `root`. */
export const olderProxyFacts = `
# service_files: what the service's environment comes from, ours left out, "KIND FILE" a line, the one that wins last
service_files() {
  local folder file
  for folder in /usr/lib/systemd/system /run/systemd/system /etc/systemd/system; do
    for file in "$root$folder/$unit.d"/*.conf; do
      if [[ -f $file && \${file#"$root"} != "$drop_in" ]]; then
        printf '%s drop-in %s\\n' "\${file##*/}" "\${file#"$root"}"
      fi
    done
  done | LC_ALL=C sort | cut -d' ' -f2-
  # Files of variables that the unit reads win over all that it says itself.
  for folder in /usr/lib/systemd/system /etc/systemd/system; do
    sed -nE 's/^EnvironmentFile=-?//p' "$root$folder/$unit" "$root$folder/$unit.d"/*.conf 2>/dev/null || true
  done | sort -u | sed 's/^/variables /'
}

# proxy_in FILE: host and port of the proxy that it sets, or "none" where it sets it to nothing
proxy_in() {
  sed -nE 's/^[[:space:]]*([^#;[:space:]].*[^[:alpha:]_]|export )?HTTPS?_PROXY=["'\\'']?([^"'\\'' ]*).*/at \\2/Ip' "$root$1" 2>/dev/null |
    sed -nE '$s#^at ([a-z]*://)?([^/]*@)?([^/]*).*#\\3#ip' | sed 's/^$/none/'
}

# has_proxy_alone FILE: besides proxies it says nothing
has_proxy_alone() {
  ! grep -qivE '^[[:space:]]*([#;].*|\\[Service]|Environment=["'\\'']?(HTTPS?|NO)_PROXY=.*)?$' "$root$1"
}

# wins KIND FILE
wins() {
  local LC_ALL=C
  [[ $1 = variables || \${2##*/} > \${drop_in##*/} ]]
}

# older_cas: certificates of docker-registry-proxy that the system trusts, unless it is the very same that this proxy has
older_cas() {
  local file
  for file in "$root"/usr/share/ca-certificates/*.crt "$root"/usr/local/share/ca-certificates/*.crt \\
    "$root"/etc/pki/ca-trust/source/anchors/*.crt "$root"/etc/ca-certificates/trust-source/anchors/*.crt; do
    [[ -f $file && \${file##*/} != entrepot*.crt ]] || continue
    [[ \${file##*/} = docker[_-]registry[_-]proxy*.crt ]] ||
      openssl x509 -noout -subject -in "$file" 2>/dev/null | grep -q DockerMirrorBox || continue
    [[ $(tr -d '[:space:]' <"$file") != "$(ca | tr -d '[:space:]')" ]] || continue
    printf '%s\\n' "\${file#"$root"}"
  done
}

# to_remove KIND FILE: the lines that take its proxy away
to_remove() {
  if [[ $1 = drop-in ]] && has_proxy_alone "$2"; then
    case $2 in
      /etc/* | /run/*) printf '  sudo rm %s\\n' "$2" ;;
      *) printf '  sudo ln -s /dev/null /etc/systemd/system/%s.d/%s\\n' "$unit" "\${2##*/}" ;;
    esac
  else
    printf "  sudo sed -i '/HTTPS*_PROXY=/Id' %s\\n" "$2"
  fi
  printf '  sudo systemctl daemon-reload\\n  sudo systemctl restart %s\\n' "$unit"
}

to_distrust() {
  printf '  sudo rm %s\\n' "$1"
  if grep -qsxF "\${1##*/}" "$root/etc/ca-certificates.conf"; then
    printf "  sudo sed -i '/^%s$/d' /etc/ca-certificates.conf\\n" "\${1##*/}"
  fi
  if [[ $1 = /etc/* ]]; then echo '  sudo update-ca-trust'; else echo '  sudo update-ca-certificates --fresh'; fi
}

`;

/** `tell_of_older_cas`, on top of those facts. */
export const olderCas = `${olderProxyFacts}
tell_of_older_cas() {
  local file
  while read -r file; do
    say "$file is the CA of an older proxy, and trusted still. To end that:"
    to_distrust "$file"
  done < <(older_cas)
}

`;

/** Besides, `heed_older` for what is set up and `leave_older` for what is undone. Needs `proxy`. */
export const olderProxy = `${olderCas}
heed_older() {
  local kind file at
  while read -r kind file; do
    at=$(proxy_in "$file")
    if [[ -z $at || $at = "$proxy" ]]; then continue; fi
    if wins "$kind" "$file"; then
      left=yes
      warn "$file wins over $drop_in, so that $unit goes to $at and not here. To take that away:"
      to_remove "$kind" "$file" >&2
    elif [[ $at != none ]]; then
      say "$file names another proxy, $at; it counts no more. To take it away:"
      to_remove "$kind" "$file"
    fi
  done < <(service_files)
  tell_of_older_cas
}

# is_of_older KIND FILE ADDRESS: written by docker-registry-proxy's script, or for this very proxy in its place
is_of_older() {
  [[ $1 = drop-in && $2 = /etc/* ]] && has_proxy_alone "$2" || return 1
  [[ $3 = "$proxy" || -n $(older_cas) ]]
}

leave_older() {
  local kind file at
  while read -r kind file; do
    at=$(proxy_in "$file")
    if [[ -z $at || $at = none ]]; then continue; fi
    if is_of_older "$kind" "$file" "$at"; then
      begin
      if [[ $printing = yes ]]; then say "would set $file aside, for it names $at"; continue; fi
      mv -f "$root$file" "$root$file.off"
      say "set aside as $file.off, which an older set-up wrote: $unit would go to $at by it"
    else
      left=yes
      warn "$unit goes to $at by $file from now on. To take that away:"
      to_remove "$kind" "$file" >&2
    fi
  done < <(service_files)
  tell_of_older_cas
}
`;
