#!/bin/sh
# Lists what was pushed here, as foo/bar:v1.2.3.4, one on each line.
set -e
cd "$(dirname "$0")"
compose() {
  if docker compose version > /dev/null 2>&1; then
    docker compose -f compose.yaml "$@"
  else
    docker-compose -f compose.yaml "$@"
  fi
}
name=$(compose config | sed -n 's/^ *HOSTED_HOSTS: *//p')
compose exec -T entrepot entrepot images ls "$name/" --sort name --limit 100000 < /dev/null |
  sed -n "s|^$name/\([^ @]*\) .*|\1|p"
