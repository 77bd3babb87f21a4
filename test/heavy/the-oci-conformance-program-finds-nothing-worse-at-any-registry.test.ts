import { findsNothingWorse } from "../journeys/support/conformance-beside-direct.ts";

/** Those that are not tried every day: some of these registries take long to build, or to answer. */
findsNothingWorse([
  { program: "distribution-3", isPlain: true, login: undefined },
  { program: "distribution-3", isPlain: true, login: "Basic" },
  { program: "distribution-3", isPlain: true, login: "Bearer" },
  { program: "distribution-3", isPlain: false, login: "Basic" },
  { program: "distribution-3", isPlain: false, login: "Bearer" },
  { program: "docker-registry", isPlain: true, login: undefined },
  { program: "docker-registry", isPlain: true, login: "Bearer" },
  { program: "docker-registry", isPlain: false, login: "Bearer" },
  { program: "olareg", isPlain: true, login: "Basic" },
  { program: "olareg", isPlain: true, login: "Bearer" },
]);
