/** `/setup/docker-mirror`: the mirror door in daemon.json, merged with whatever is there. Docker Hub only. */

import { keptFiles } from "./kept-files.ts";
import type { SetupScript } from "./setup-script.ts";

export const setupDockerMirror: SetupScript = {
  name: "docker-mirror",
  summary: "Makes Docker use this mirror for Docker Hub, without a CA.",
  refusal: ({ name }) =>
    name === "docker.io"
      ? undefined
      : `this name stands for ${name}, and dockerd asks its registry-mirrors for Docker Hub's images alone; fetch the script by a name of the proxy that stands for docker.io, or for no one registry`,
  body: ({ mirror }) => `${keptFiles("docker-mirror")}
file=/etc/docker/daemon.json
mirror=${mirror}
# What was ever added: --undo takes it all back, by whatever name this host is then called.
ours=/etc/docker/entrepot-mirrors

# merged add|remove MIRROR...: what daemon.json is to hold; nothing when it is so already
merged() {
  local change=$1
  shift
  if command -v python3 >/dev/null; then
    python3 -c '
import json, sys
path, change, *mirrors = sys.argv[1:]
try:
    text = open(path).read()
except FileNotFoundError:
    text = ""
try:
    settings = json.loads(text) if text.strip() else {}
    before = settings.get("registry-mirrors") or []
    if not isinstance(before, list) or not all(isinstance(one, str) for one in before):
        raise ValueError("registry-mirrors is no list of addresses")
except (ValueError, AttributeError) as error:
    sys.exit(str(error))
here = [one for one in before if one.rstrip("/") in mirrors]
if change == "remove":
    after = [one for one in before if one not in here]
else:
    after = before if here else mirrors + before
if after != before:
    settings["registry-mirrors"] = after
    if not after:
        del settings["registry-mirrors"]
    print(json.dumps(settings, indent=2, ensure_ascii=False))
' "$root$file" "$change" "$@"
  elif command -v jq >/dev/null; then
    { if [[ -s $root$file ]]; then cat "$root$file"; else echo '{}'; fi; } |
      jq --arg change "$change" --arg mirrors "$*" '
        ($mirrors | split(" ")) as $mirrors
        | (.["registry-mirrors"] // []) as $before
        | [$before[] | select(rtrimstr("/") as $one | $mirrors | index($one))] as $here
        | (if $change == "remove" then $before - $here
           elif $here == [] then $mirrors + $before
           else $before end) as $after
        | if $after == $before then empty
          elif $after == [] then del(.["registry-mirrors"])
          else .["registry-mirrors"] = $after end'
  elif [[ $change = add && ! -s $root$file ]]; then
    printf '{\\n  "registry-mirrors": ["%s"]\\n}\\n' "$mirror"
  elif [[ $change = add ]]; then
    grep -qF "\\"$mirror\\"" "$root$file" || return 3
  else
    [[ ! -s $root$file ]] || return 3
  fi
}

change() {
  local content
  content=$(merged "$@") || case $? in
    3) die "python3 or jq is needed to change $file; by hand: $1 \\"registry-mirrors\\": [\\"$mirror\\"]" ;;
    *) die "$file is not valid JSON as Docker takes it; nothing was changed" ;;
  esac
  if [[ $content = '{}' ]]; then
    drop "$file"
  elif [[ -n $content ]]; then
    keep "$file"
    put "$file" <<<"$content"
    kept "$file"
  fi
}

# BuildKit asks mirrors over TLS, and Docker Hub itself when that fails.
tell_of_builds() {
  [[ $mirror = http:* ]] || return 0
  if ! grep -qs 'insecure-registries' "$root$file"; then
    say "for 'docker build' add to $file: \\"insecure-registries\\": [\\"\${mirror#http://}\\"]"
  fi
}

# mirrors: this one, and those that earlier runs have added
mirrors() {
  { echo "$mirror"; if [[ -f $root$ours ]]; then grep '^http' "$root$ours"; fi; } | sort -u
}

apply() {
  local content
  change add "$mirror"
  content=$(mirrors)
  put "$ours" <<<"# Written by entrepot: what /setup/docker-mirror --undo removes from daemon.json
$content"
  restart reload docker
  tell_of_builds
}

undo() {
  local all
  mapfile -t all < <(mirrors)
  bring_back "$file" || change remove "\${all[@]}"
  drop "$ours"
  forget_kept
  restart reload docker
}`,
};
