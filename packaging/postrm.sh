#!/bin/sh
# After a removal everything that was written stays; a purge takes settings, CA and cache, but no image
# that was pushed here. The user stays, since files may be its own.
set -e

data=/var/lib/entrepot

[ ! -d /run/systemd/system ] || systemctl daemon-reload

[ "${1-}" = purge ] || exit 0
rm -rf /etc/entrepot
if [ -e "$data/hosted.sqlite" ]; then
  echo "images that were pushed here are in $data, which stays; to remove them too: rm -r $data" >&2
else
  rm -rf "$data"
fi
