#!/usr/bin/env bash
# Installs Entrepot as a service on Debian or Ubuntu, from the package that scripts/release makes; done
# again it changes nothing. With --uninstall the system is as it was before: packages that came along and
# the user go too. What was pushed to Entrepot stays, and a line says where.
#
#   scripts/install.sh [entrepot_VERSION_ARCH.deb]      the newest one in release/, where none is named
#   scripts/install.sh --uninstall
set -euo pipefail

state=/var/lib/entrepot-install
data=/var/lib/entrepot
release=$(realpath "$(dirname "$0")/../release")

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

look_around() {
  local ID="" ID_LIKE=""
  [ "$(id -u)" = 0 ] || fail "root has to run this: sudo $0"
  # shellcheck source=/dev/null
  . /etc/os-release
  case " $ID $ID_LIKE " in
    *" debian "* | *" ubuntu "*) ;;
    *) fail "this is ${ID:-no Debian}; there is an rpm, and an image for everything else" ;;
  esac
  [ -d /run/systemd/system ] || fail "systemd does not run here; the image needs none"
}

names_of_packages() { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p' | sort; }

# The package has to be for this machine, and be what its sums say.
find_package() {
  local arch
  arch=$(dpkg --print-architecture)
  deb=${1-}
  [ -n "$deb" ] || deb=$(find "$release" -name "entrepot_*_$arch.deb" 2> /dev/null | sort -V | tail -n 1)
  [ -n "$deb" ] || fail "there is no package for $arch in $release; name one, or make it: scripts/release $arch"
  [ -f "$deb" ] || fail "$deb is not there"
  deb=$(realpath "$deb")
  [ "$(dpkg-deb --field "$deb" Architecture)" = "$arch" ] || fail "$deb is not for $arch"
  local sums
  sums=$(dirname "$deb")/SHA256SUMS
  [ ! -f "$sums" ] || (cd "$(dirname "$deb")" && grep -F "  $(basename "$deb")" "$sums" | sha256sum --check --quiet) ||
    fail "$deb is not what $sums says"
}

install_package() {
  local version before had_user=""
  version=$(dpkg-deb --field "$deb" Version)
  if [ "$(dpkg-query -W -f '${Version} ${db:Status-Abbrev}' entrepot 2> /dev/null)" = "$version ii " ]; then
    echo "entrepot $version is installed"
    return 0
  fi
  before=$(names_of_packages)
  ! getent passwd entrepot > /dev/null || had_user=yes
  export DEBIAN_FRONTEND=noninteractive
  # The list of packages may be old, or missing: then once more with a new one.
  apt_install || { apt-get update -qq && apt_install; } ||
    fail "apt could not install $deb; what it needs is: $(dpkg-deb --field "$deb" Depends)"
  [ ! -d "$state" ] || return 0
  install -d -m 755 "$state"
  comm -13 <(echo "$before") <(names_of_packages) | grep -vx entrepot > "$state/packages" || true
  [ -n "$had_user" ] || : > "$state/user"
}

apt_install() { apt-get install -y -qq --no-install-recommends "$deb" > /dev/null; }

# Nothing but what came along, and only where nobody else has come to need it.
remove_packages() {
  local ours package others is_going=yes
  ours=$(cat "$state/packages" 2> /dev/null || true)
  while [ -n "$is_going" ]; do
    is_going=""
    for package in $ours; do
      dpkg-query -W "$package" > /dev/null 2>&1 || continue
      others=$(apt-get -s purge "$package" | sed -n 's/^Purg \([^ ]*\).*/\1/p' |
        grep -vxF "$ours" || true)
      [ -z "$others" ] || continue
      apt-get purge -y -qq "$package" > /dev/null && is_going=yes
    done
  done
}

uninstall() {
  if dpkg-query -W entrepot > /dev/null 2>&1; then
    apt-get purge -y -qq entrepot > /dev/null
  fi
  remove_packages
  if [ -f "$state/user" ] && [ ! -e "$data" ]; then
    userdel entrepot 2> /dev/null || true
    groupdel entrepot 2> /dev/null || true
  fi
  [ ! -e "$data" ] || echo "what was pushed is in $data, which stays, and so does its user; to remove it: rm -r $data"
  rm -rf "$state"
}

look_around
case "${1-}" in
  --uninstall) uninstall ;;
  -*)
    echo "usage: $0 [PACKAGE.deb] | --uninstall" >&2
    exit 2
    ;;
  *)
    find_package "${1-}"
    install_package
    entrepot health --wait 30 > /dev/null || fail "it does not answer; systemctl status entrepot says why"
    echo "Entrepot listens on port 3128. Settings: /etc/entrepot/entrepot.env; what clients need: journalctl -u entrepot"
    ;;
esac
