/** Commands that write into the data folder do so as the user whose it is. */

/** Root would leave files behind that the server may not read. */
export function becomeOwner({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() !== 0 || uid === 0) return;
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
