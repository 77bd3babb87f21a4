/** `/setup/docker-mirror`: the mirror door in daemon.json, merged with whatever is there. Docker Hub only. */
import type { SetupScript } from "./setup-script.ts";

export const setupDockerMirror: SetupScript = {
  name: "docker-mirror",
  summary: "Makes Docker use this mirror for Docker Hub, without a CA.",
  body: ({ mirror }) => `
file=/etc/docker/daemon.json
mirror=${mirror}

# merged add|remove: what daemon.json is to hold, on standard output
merged() {
  if command -v python3 >/dev/null; then
    python3 -c '
import json, sys
path, change, mirror = sys.argv[1:]
try:
    text = open(path).read()
except FileNotFoundError:
    text = ""
settings = json.loads(text) if text.strip() else {}
others = [one for one in settings.get("registry-mirrors", []) if one.rstrip("/") != mirror]
mirrors = [mirror] + others if change == "add" else others
if mirrors:
    settings["registry-mirrors"] = mirrors
else:
    settings.pop("registry-mirrors", None)
print(json.dumps(settings, indent=2, ensure_ascii=False))
' "$root$file" "$1" "$mirror"
  elif command -v jq >/dev/null; then
    { if [[ -s $root$file ]]; then cat "$root$file"; else echo '{}'; fi; } |
      jq --arg change "$1" --arg mirror "$mirror" '
        ((.["registry-mirrors"] // []) - [$mirror, $mirror + "/"]) as $others
        | (if $change == "add" then [$mirror] + $others else $others end) as $mirrors
        | if $mirrors == [] then del(.["registry-mirrors"]) else .["registry-mirrors"] = $mirrors end'
  elif [[ $1 = add && ! -s $root$file ]]; then
    printf '{\\n  "registry-mirrors": ["%s"]\\n}\\n' "$mirror"
  else
    die "python3 or jq is needed to change $file; by hand: \\"registry-mirrors\\": [\\"$mirror\\"]"
  fi
}

has_mirror() { [[ -f $root$file ]] && grep -qF "\\"$mirror" "$root$file"; }

change() {
  local content
  content=$(merged "$1") || die "$file is not valid JSON; nothing was changed"
  if [[ $1 = remove && $content = '{}' ]]; then
    drop "$file"
  else
    put "$file" <<<"$content"
  fi
  restart reload docker
}

apply() { has_mirror || change add; }
undo() { if has_mirror; then change remove; fi; }`,
};
