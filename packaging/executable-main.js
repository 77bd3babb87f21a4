/**
 * The first code of the single executable: modules come from what it carries, and the program's own
 * first module is one of them.
 */
import { createRequire, registerHooks } from "node:module";
import { getAsset, getAssetKeys } from "node:sea";

// A file's, since createRequire of packages takes no other.
const scheme = "file:///carried/";
const carried = new Set(getAssetKeys());

registerHooks({
  resolve(specifier, context, next) {
    const name = specifier.replace(/^(\.\/|file:\/\/\/carried\/)/, "");
    if (!carried.has(name)) return next(specifier, context);
    return { url: `${scheme}${name}`, format: "module", shortCircuit: true };
  },
  load(url, context, next) {
    if (!url.startsWith(scheme)) return next(url, context);
    const source = getAsset(url.slice(scheme.length), "utf8");
    return { format: "module", source, shortCircuit: true };
  },
});

// An import would know only Node's own modules here; the module that is required may import anything.
createRequire("file:///")("./executable-start.js");
