#!/bin/sh
# Starts it, or starts it anew with what has changed here.
set -e
cd "$(dirname "$0")"
# The COMPOSE_FILE in the old .env names the old files.
if docker compose version > /dev/null 2>&1; then
  exec docker compose -f compose.yaml up -d
fi
exec docker-compose -f compose.yaml up -d
