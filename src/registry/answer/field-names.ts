/** Field names as people write them; lower-case ones are right too, but some scripts grep. */

const special: Readonly<Record<string, string>> = {
  etag: "ETag",
  "oci-chunk-min-length": "OCI-Chunk-Min-Length",
  "oci-filters-applied": "OCI-Filters-Applied",
  "oci-namespace": "OCI-Namespace",
  "oci-subject": "OCI-Subject",
  "oci-tag": "OCI-Tag",
  "www-authenticate": "WWW-Authenticate",
};

/** `docker-content-digest` → `Docker-Content-Digest`. */
export function fieldName(name: string): string {
  if (Object.hasOwn(special, name)) return special[name] ?? name;
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
