import { recordStoreContract } from "../contracts/record-store.ts";
import { MemoryRecordStore } from "./memory-record-store.ts";

recordStoreContract("memory", async () => {
  let now = 1_000;
  const store = new MemoryRecordStore(() => now);
  const wait = async (milliseconds: number) => {
    now += milliseconds;
  };
  return { store, wait };
});
