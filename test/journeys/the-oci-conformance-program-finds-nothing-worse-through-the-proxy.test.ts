import { findsNothingWorse } from "./support/conformance-beside-direct.ts";

findsNothingWorse([
  { program: "docker-registry", isPlain: false, login: "Basic" },
  { program: "olareg", isPlain: true, login: undefined },
  { program: "olareg", isPlain: false, login: "Basic" },
  { program: "olareg", isPlain: false, login: "Bearer" },
]);
