#!/bin/sh
# Takes a newer image and goes on with it; what is kept stays.
#
#   ./update.sh entrepot-VERSION-image-amd64.tar   from the file of a release
#   ./update.sh                                    from where ENTREPOT_IMAGE is published
set -e
if [ $# -gt 0 ]; then
  image=$(docker load --quiet --input "$1" | sed -n 's/^Loaded image: //p')
  [ -n "$image" ] || { echo "$1 has no image with a name" >&2; exit 1; }
fi
cd "$(dirname "$0")"
if [ $# = 0 ]; then
  if docker compose version > /dev/null 2>&1; then
    docker compose -f compose.yaml pull
  else
    docker-compose -f compose.yaml pull
  fi
else
  # The next start is to take it too.
  if grep -q '^ENTREPOT_IMAGE=' .env; then
    sed -i "s|^ENTREPOT_IMAGE=.*|ENTREPOT_IMAGE=$image|" .env
  else
    printf '\nENTREPOT_IMAGE=%s\n' "$image" >> .env
  fi
fi
exec ./start.sh
