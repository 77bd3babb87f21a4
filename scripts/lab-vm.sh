#!/usr/bin/env bash
# Makes a Debian machine the lab's registry: it is called docker-registry.local, is the caching proxy on
# port 3128 and the registry to push to on 443. The Vagrantfile runs it as root in the VM; done again it
# changes nothing. docs/guides/lab-vm.md tells the rest.
#
#   scripts/lab-vm.sh provision [CHECKOUT]   from this checkout, with what lies beside its Vagrantfile
#   scripts/lab-vm.sh backup FILE            the CA, the secrets and what was pushed, as a tar file
set -euo pipefail

name=docker-registry
home=/opt/entrepot
etc=/etc/entrepot
data=/var/lib/entrepot
units=/etc/systemd/system
sockets=(entrepot.socket entrepot-tls.socket)
changed=""
# npm trusts whom the system trusts, a company's own authority too.
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

say() { echo "lab: $*"; }

# Writes what comes in, if the file does not say it already: put FILE MODE
put() {
  local content
  content=$(cat; echo .)
  content=${content%.}
  if [ -f "$1" ] && [ "$(cat "$1"; echo .)" = "$content." ]; then return 0; fi
  install -D -m "$2" /dev/null "$1"
  printf '%s' "$content" > "$1"
  changed=yes
}

# Programs find the full name in /etc/hosts, others ask Avahi.
take_name() {
  printf '%s\n' "$name" | put /etc/hostname 644
  hostname "$name"
  {
    [ ! -f /etc/hosts ] || awk -v name="$name" '!/^127\./ || !index($0, name)' /etc/hosts
    printf '127.0.1.1\t%s.local %s\n' "$name" "$name"
  } > /run/lab-hosts
  put /etc/hosts 644 < /run/lab-hosts
  rm /run/lab-hosts
}

install_packages() {
  local package wanted=""
  for package in adduser avahi-daemon ca-certificates libatomic1 libnss-mdns nodejs npm; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q ' installed$' ||
      wanted="$wanted $package"
  done
  [ -n "$wanted" ] || return 0
  say "installing$wanted"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # names of packages, one by one
  apt-get install -y -qq --no-install-recommends $wanted > /dev/null
  systemctl restart avahi-daemon
}

version_of() { sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$home/tools/node_modules/$1/package.json"; }

# Debian's own Node and npm are too old for the program and its list of packages; they fetch newer ones.
install_tools() {
  local node
  node=$(sed -n 's/^ *"node": "\([0-9.]*\)",*$/\1/p' "$checkout/package.json")
  if [ "$(version_of node 2> /dev/null)" = "$node" ] && [ -x "$home/tools/node_modules/.bin/npm" ]; then
    return 0
  fi
  say "fetching Node.js $node"
  mkdir -p "$home/tools"
  # Away from the shared folder, whose package.json is none of this.
  (cd "$home/tools" && npm install --prefix "$home/tools" --no-audit --no-fund --loglevel=error \
    "node@$node" npm@10 > /dev/null)
}

# What the program is made of, the same bytes wherever they are shared from.
packed() {
  tar -C "$checkout" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --mode='u=rwX,go=rX' -cf - package.json package-lock.json scripts src systemd
}

install_program() {
  local sum next=$home/program.next
  sum=$(packed | sha256sum)
  if [ "$(cat "$home/program/.installed-from" 2> /dev/null)" != "$sum" ]; then
    say "installing Entrepot from $checkout"
    rm -rf "$next" "$home/program.old"
    mkdir -p "$next"
    packed | tar -C "$next" -xf -
    (cd "$next" && PATH="$home/tools/node_modules/.bin:$PATH" node scripts/ready.mjs --compile)
    printf '%s\n' "$sum" > "$next/.installed-from"
    [ ! -e "$home/program" ] || mv "$home/program" "$home/program.old"
    mv "$next" "$home/program"
    rm -rf "$home/program.old"
    changed=yes
  fi
  put /usr/bin/entrepot 755 << 'END'
#!/bin/sh
export DATA_DIR="${DATA_DIR:-/var/lib/entrepot}"
exec /opt/entrepot/tools/node_modules/.bin/node --max-semi-space-size=8 --v8-pool-size=1 \
  /opt/entrepot/program/dist/app/main.js "$@"
END
}

# The settings are the folder's .env as it is: systemd would take quotes and backslashes for its own.
configure() {
  local authority="" old=$checkout/docker_mirror_certs
  if [ -f "$checkout/.env" ]; then
    put "$etc/lab.env" 600 < "$checkout/.env"
  else
    put "$etc/lab.env" 600 < /dev/null
  fi
  put "$etc/lab.yaml" 644 << END
# What .env does not say otherwise.
hosted_hosts: $name.local:443
hosted_anonymous_push: true
END
  # The CA of docker-registry-proxy, which clients trust already.
  if [ -f "$old/ca.key" ] && ! grep -q '^CA_CERT=' "$etc/lab.env"; then
    put "$etc/lab-ca.crt" 644 < "$old/ca.crt"
    put "$etc/lab-ca.key" 600 < "$old/ca.key"
  fi
  [ ! -f "$etc/lab-ca.key" ] || authority="LoadCredential=ca.crt:$etc/lab-ca.crt
LoadCredential=ca.key:$etc/lab-ca.key
Environment=CA_CERT=%d/ca.crt CA_KEY=%d/ca.key"
  put "$units/entrepot.service.d/lab.conf" 644 << END
[Service]
EnvironmentFile=
LoadCredential=env:$etc/lab.env
ExecStart=
ExecStart=/usr/bin/entrepot --config $etc/lab.yaml --env-file %d/env
$authority
END
  local unit
  for unit in entrepot.service "${sockets[@]}"; do
    put "$units/$unit" 644 < "$home/program/systemd/$unit"
  done
}

# What `vagrant destroy` left beside the Vagrantfile, into a VM that has nothing yet.
restore() {
  local kept=$checkout/.entrepot/backup.tar work
  if [ -e "$data/VERSION" ] || [ ! -f "$kept" ]; then return 0; fi
  say "restoring the CA, the secrets and the images of $kept"
  work=$(mktemp -d -p /var/lib)
  tar -C "$work" -xf "$kept"
  entrepot restore "$work/backup"
  [ ! -f "$work/lab.imported" ] || install -m 644 "$work/lab.imported" "$etc/lab.imported"
  rm -rf "$work"
}

is_up() {
  local unit
  for unit in entrepot.service "${sockets[@]}"; do
    systemctl --quiet is-enabled "$unit" && systemctl --quiet is-active "$unit" || return 1
  done
}

start() {
  [ -n "$changed" ] || ! is_up || return 0
  getent passwd entrepot > /dev/null ||
    adduser --system --group --quiet --home "$data" --no-create-home entrepot
  restore
  [ ! -d "$data" ] || chown -R entrepot:entrepot "$data"
  systemctl daemon-reload
  local socket
  for socket in "${sockets[@]}"; do
    # It cannot be opened while its service runs.
    systemctl --quiet is-active "$socket" || systemctl --quiet stop entrepot.service
  done
  systemctl enable --quiet "${sockets[@]}" entrepot.service
  if ! { systemctl start "${sockets[@]}" && systemctl restart entrepot.service; }; then
    journalctl -u entrepot -o cat --no-pager | tail -n 20 >&2
    return 1
  fi
}

# Images of the registry that was here before, once: what is deleted afterwards stays deleted.
import_images() {
  local old=$checkout/registry code=0
  if [ ! -d "$old/docker/registry/v2" ] || [ -e "$etc/lab.imported" ]; then return 0; fi
  say "importing the images of $old"
  entrepot images import-registry "$old" --as hosted || code=$?
  # With 1 what is damaged was named, and the rest came.
  [ "$code" -le 1 ] || return "$code"
  date > "$etc/lab.imported"
}

provision() {
  checkout=$(realpath "${1:-$(dirname "$0")/..}")
  take_name
  install_packages
  install_tools
  install_program
  configure
  start
  import_images
  say "$(hostname -f) ($(hostname -I | xargs)) is the proxy on port 3128 and takes pushes on 443"
}

backup() {
  work=$(mktemp -d -p /var/lib)
  trap 'rm -rf "$work"' EXIT
  entrepot backup "$work/backup"
  [ ! -f "$etc/lab.imported" ] || cp "$etc/lab.imported" "$work"
  (umask 077 && tar -C "$work" -cf "$1" .)
  # Who fetches it is no root.
  chown "${SUDO_UID:-0}:${SUDO_GID:-0}" "$1"
}

case "${1-}" in
  provision) provision "${2-}" ;;
  backup) backup "${2:?backup needs a file}" ;;
  *)
    echo "usage: $0 provision [CHECKOUT] | backup FILE" >&2
    exit 2
    ;;
esac
