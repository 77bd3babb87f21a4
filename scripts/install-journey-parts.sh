#!/usr/bin/env bash
# Installs the programs that the journeys drive: container engines, Debian's docker-registry, curl,
# tinyproxy, nginx, BIND, Redis, PostgreSQL, two servlet containers, and systemd-nspawn, which starts the machines on which
# guides are followed. What is there already is left alone. Ends with 1, and one line for each, when
# something is missing.
#
#   scripts/install-journey-parts.sh [--go FOLDER] [--heavy]
#
# Tools that only come as Go sources are built into FOLDER, by default ~/.cache/entrepot-journeys, when
# Go is installed: crane; pebble, an ACME service for tests; kind; versitygw, an S3 server; nfpm, which makes deb and rpm; buildkitd, buildctl and buildx;
# containerd 2; regctl, helm, oras and notation; the OCI conformance program and olareg, a registry to try it on; and
# small clients made of the libraries that oras, the kubelet, k3s and CRI-O pull with. On two idle cores all
# of them take some six minutes, once, none of them two. Steps of journeys that need a tool which is missing
# are left out, and a line here says "without: TOOL". The same holds for two clients made of libraries of
# npm's and, when Maven is installed, of Maven's. With --heavy come those that only test/heavy needs, which
# take minutes each: distribution 3, cosign and nerdctl.
set -u

here=$(cd "$(dirname "$0")" && pwd)
go_folder="${HOME:-/root}/.cache/entrepot-journeys"
with_heavy=""
while [ $# -gt 0 ]; do
  case "$1" in
    --heavy)
      with_heavy=yes
      shift
      ;;
    --go)
      go_folder="${2:?--go needs a folder}"
      shift 2
      ;;
    *)
      echo "usage: $0 [--go FOLDER] [--heavy]" >&2
      exit 2
      ;;
  esac
done

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# program or file:package
parts="dockerd:docker.io docker:docker.io containerd:containerd ctr:containerd podman:podman
  skopeo:skopeo buildah:buildah docker-registry:docker-registry curl:curl openssl:openssl
  runc:runc tinyproxy:tinyproxy-bin systemd-nspawn:systemd-container
  nginx:nginx /usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream javac:default-jdk-headless /usr/share/java/jetty9-server.jar:libjetty9-java
  /usr/share/java/tomcat10-embed-core.jar:libtomcat10-embed-java
  chromium:chromium firefox-esr:firefox-esr promtool:prometheus jq:jq python3:python3
  htpasswd:apache2-utils redis-server:redis-server psql:postgresql shellcheck:shellcheck
  strip:binutils rpm2archive:rpm mmdebstrap:mmdebstrap named:bind9 nsupdate:bind9-dnsutils"
# program=module
go_tools="crane=github.com/google/go-containerregistry/cmd/crane@v0.20.6
  pebble=github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1
  pebble-challtestsrv=github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.1
  kind=sigs.k8s.io/kind@v0.33.0
  versitygw=github.com/versity/versitygw/cmd/versitygw@v1.8.0
  nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"
# program=module,command: of modules that cannot be installed by name, since they leave versions out
go_commands="buildkitd=github.com/moby/buildkit@v0.25.2,cmd/buildkitd
  buildctl=github.com/moby/buildkit@v0.25.2,cmd/buildctl
  regctl=github.com/regclient/regclient@v0.11.7,cmd/regctl
  helm=helm.sh/helm/v4@v4.3.1,cmd/helm
  oras=oras.land/oras@v1.3.0,cmd/oras
  notation=github.com/notaryproject/notation@v1.3.2,cmd/notation
  buildx=github.com/docker/buildx@v0.29.1,cmd/buildx
  containerd-2=github.com/containerd/containerd/v2@v2.1.5,cmd/containerd
  olareg=github.com/olareg/olareg@v0.2.1,cmd/olareg
  oci-conformance=github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111,"
heavy_go_commands="distribution-3=github.com/distribution/distribution/v3@v3.1.1,cmd/registry
  cosign=github.com/sigstore/cosign/v2@v2.4.1,cmd/cosign
  nerdctl=github.com/containerd/nerdctl@v1.7.7,cmd/nerdctl"
[ -z "$with_heavy" ] || go_commands="$go_commands $heavy_go_commands"
# Our own, over libraries.
go_clients="oras-pull cri-pull k3s-pull containers-pull"
# The same, of npm's and Maven's libraries.
other_clients="npm-pull jib-pull"
without_c="containers_image_openpgp exclude_graphdriver_btrfs exclude_graphdriver_overlay"
clients="$here/../test/journeys/parts"

is_there() {
  case "$1" in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" > /dev/null ;;
  esac
}

missing_programs() {
  for part in $parts; do
    is_there "${part%%:*}" || echo "${part%%:*}"
  done
}

missing_packages() {
  for part in $parts; do
    is_there "${part%%:*}" || echo "${part#*:}"
  done | sort -u
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

# A package's service must not start on its own: the journeys run every program themselves.
without_services() {
  local policy=/usr/sbin/policy-rc.d made=""
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" > /dev/null && made=yes
    as_root chmod 755 "$policy"
  fi
  "$@"
  local code=$?
  [ -z "$made" ] || as_root rm -f "$policy"
  return "$code"
}

install_packages() {
  local packages
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  echo "installing:" $packages
  if ! command -v apt-get > /dev/null; then
    echo "there is no apt-get here" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
  for package in $packages; do
    without_services as_root apt-get install -y -qq --no-install-recommends "$package" > /dev/null ||
      echo "apt-get could not install $package" >&2
  done
  # Newer releases have the docker command in a package of its own.
  command -v docker > /dev/null ||
    without_services as_root apt-get install -y -qq --no-install-recommends docker-cli > /dev/null
}

has_tool() { command -v "$1" > /dev/null || [ -x "$go_folder/$1" ]; }

build_go_tools() {
  local tool wanted=""
  for tool in $go_tools $go_clients $go_commands; do
    has_tool "${tool%%=*}" || wanted="$wanted $tool"
  done
  [ -n "$wanted" ] || return 0
  if ! command -v go > /dev/null; then
    for tool in $wanted; do echo "without: ${tool%%=*} (Go is not installed)"; done
    return 0
  fi
  mkdir -p "$go_folder"
  for tool in $wanted; do
    build_go_tool "$tool" ||
      echo "without: ${tool%%=*} (its sources could not be fetched or built)"
  done
}

build_go_tool() {
  local folder module package
  folder=$(realpath "$go_folder")
  module=${1#*=}
  case "$1" in
    *,*)
      package="${module%@*}/${module#*,}"
      (
        cd "$(mktemp -d)" || exit 1
        trap 'rm -rf "$PWD"' EXIT
        go mod init entrepot.test/part &&
          go mod edit "-require=${module%,*}" &&
          CGO_ENABLED=0 GOFLAGS=-mod=mod go build -o "$folder/${1%%=*}" "${package%/}"
      ) 2> /dev/null
      ;;
    *=*) GOBIN=$folder GOFLAGS="" go install "$module" 2> /dev/null ;;
    *)
      # Without C: what needs C libraries are signatures and storage, neither of which is used.
      (
        cd "$clients/$1" &&
          CGO_ENABLED=0 GOFLAGS="" go build -tags "$without_c" -o "$folder/$1" .
      ) 2> /dev/null
      ;;
  esac
}

build_other_clients() {
  local client
  for client in $other_clients; do
    [ -x "$go_folder/$client" ] && continue
    mkdir -p "$go_folder"
    "build_${client%-pull}" "$(realpath "$go_folder")" > /dev/null 2>&1 ||
      echo "without: $client (its parts could not be fetched or built)"
  done
}

build_npm() {
  local parts=$1/npm-pull.parts
  mkdir -p "$parts" && cp "$clients"/npm-pull/* "$parts" &&
    npm install --prefix "$parts" --no-audit --no-fund &&
    as_program "$1/npm-pull" "exec node '$parts/pull.js' \"\$@\""
}

build_jib() {
  local parts=$1/jib-pull.parts
  mkdir -p "$parts" && cp "$clients"/jib-pull/* "$parts" && cd "$parts" &&
    mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib &&
    javac -cp 'lib/*' -d classes JibPull.java &&
    as_program "$1/jib-pull" "exec java -cp '$parts/classes:$parts/lib/*' JibPull \"\$@\""
}

as_program() {
  printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1"
}

install_packages
build_go_tools
build_other_clients

missing=$(missing_programs)
[ -n "$missing" ] || exit 0
for program in $missing; do echo "missing: $program"; done
exit 1
