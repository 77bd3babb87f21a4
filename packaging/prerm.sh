#!/bin/sh
# Before a removal; an upgrade leaves everything running.
set -e

case "${1-}" in
  remove | 0) ;;
  *) exit 0 ;;
esac
[ -d /run/systemd/system ] || exit 0
systemctl disable --quiet --now entrepot.service \
  entrepot.socket entrepot-tls.socket entrepot-http.socket
