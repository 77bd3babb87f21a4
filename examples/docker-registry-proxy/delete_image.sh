#!/bin/sh
# Deletes what was pushed here, and frees the room that nothing else needs. All goes on meanwhile.
#
#   ./delete_image.sh foo/bar:v1.2.3.4   this tag alone; without one it is latest
#   ./delete_image.sh --all foo/bar      the image with all its tags
#   ./delete_image.sh                    nothing; it only frees the room
set -e
cd "$(dirname "$0")"
compose() {
  if docker compose version > /dev/null 2>&1; then
    docker compose -f compose.yaml "$@"
  else
    docker-compose -f compose.yaml "$@"
  fi
}
entrepot() { compose exec -T entrepot entrepot "$@" < /dev/null; }

name=$(compose config | sed -n 's/^ *HOSTED_HOSTS: *//p')
case "${1-}" in
  "") ;;
  --all) entrepot images rm "$name/${2:?which image is to go with all its tags?}" --yes ;;
  *:*) entrepot images rm "$name/$1" --yes ;;
  *) entrepot images rm "$name/$1:latest" --yes ;;
esac
entrepot gc --untagged-after 0
