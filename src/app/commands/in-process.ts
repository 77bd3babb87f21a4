/**
 * What a command asks where no server runs: the same operations, built over the data folder without a
 * door, with the settings that a start would have. Takes the folder meanwhile.
 */
import { stat } from "node:fs/promises";
import { answerInProcess, type OperationAnswer } from "../../doors/back-office/in-process.ts";
import { composeWithoutDoors } from "../compose/without-doors.ts";
import { AskError, dataFolder, type ServerAsked, type ServerQuestion } from "./control.ts";
import { becomeOwner } from "./owner.ts";
import { settingsIn } from "./settings-in.ts";

/** Throws AskError, or what keeps a server from starting there. */
export async function askInProcess(
  asked: ServerAsked,
  question: ServerQuestion,
): Promise<OperationAnswer> {
  const folder = dataFolder(asked);
  const its = await stat(`${folder}/VERSION`).catch(() => undefined);
  if (its === undefined) {
    const sentence = `no server runs with ${folder}, and nothing is kept there; write --data-dir`;
    throw new AskError("NO_SERVER", sentence);
  }
  // Read before: files of the settings may be root's.
  const settings = await settingsIn(asked, [["DATA_DIR", folder]]);
  becomeOwner(its);
  const { operations, close } = await composeWithoutDoors(settings);
  try {
    return await answerInProcess(operations, { body: undefined, ...question });
  } finally {
    await close();
  }
}
