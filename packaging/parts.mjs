/** The list of parts (SBOM, CycloneDX 1.6): the program, its packages, and Node. */
import { shippedPackages } from "./licences.mjs";

function library(name, version, license) {
  const isId = /^[A-Za-z0-9.-]+$/.test(license);
  return {
    type: "library",
    ...{ name, version },
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    licenses: [isId ? { license: { id: license } } : { expression: license }],
  };
}

export function listOfParts({ version, at }) {
  const program = { type: "application", name: "entrepot", version };
  const node = {
    ...{ type: "application", name: "node", version: process.versions.node },
    purl: `pkg:generic/node@${process.versions.node}`,
    licenses: [{ license: { id: "MIT" } }],
  };
  const seen = new Map(
    shippedPackages().map((one) => [
      `${one.name}@${one.version}`,
      library(one.name, one.version, one.license),
    ]),
  );
  return {
    ...{ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
    metadata: { timestamp: at, component: program },
    components: [node, ...seen.values()],
  };
}
