/** The list of parts (SBOM, CycloneDX 1.6): the program, its packages, Node, and the image's of Debian's. */
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

function ofTheImage({ name, version }) {
  return {
    type: "library",
    ...{ name, version },
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}`,
    properties: [{ name: "entrepot:in", value: "container image" }],
  };
}

export function listOfParts({ version, at, debian }) {
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
    components: [node, ...seen.values(), ...debian.map(ofTheImage)],
  };
}
