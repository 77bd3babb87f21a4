/** The well-known registry that was probably meant by a name that has no address. */
import { builtInRegistries } from "../../protocol/known-registries.ts";
import { nearest } from "../settings/nearest.ts";

/** Undefined for one of those, since it is spelled right, and where none comes near. */
export function meantRegistry(name: string): string | undefined {
  return builtInRegistries.includes(name) ? undefined : nearest(name, builtInRegistries);
}
