#!/bin/sh
# After an installation or an upgrade: the user, and the service. Of what was not running nothing is
# started, but for a first installation, after which a person would do so.
set -e

data=/var/lib/entrepot
first=""
# Debian says `configure` and the version before, rpm the number of versions there are.
case "${1-}" in
  configure) [ -n "${2-}" ] || first=yes ;;
  1) first=yes ;;
  2 | [3-9]) ;;
  *) exit 0 ;;
esac

if ! getent passwd entrepot > /dev/null; then
  if command -v adduser > /dev/null && [ -e /etc/debian_version ]; then
    adduser --system --group --quiet --home "$data" --no-create-home entrepot
  else
    useradd --system --user-group --home-dir "$data" --no-create-home \
      --shell /usr/sbin/nologin entrepot
  fi
fi

if [ ! -d "$data" ]; then
  install -d -m 0700 -o entrepot -g entrepot "$data"
fi

[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ -n "$first" ]; then
  systemctl enable --quiet entrepot.socket entrepot.service
  systemctl start entrepot.socket entrepot.service ||
    echo "entrepot did not start; systemctl status entrepot says why" >&2
else
  systemctl try-restart entrepot.service
fi
