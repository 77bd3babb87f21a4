/**
 * The socket of a server that has no doors, over a data folder that no other server has: so that images
 * are carried in one way, whether a server runs or not.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { BackOffice } from "../../../doors/back-office/back-office.ts";
import { addCarrying } from "../../../doors/back-office/carrying.ts";
import { Gate } from "../../../doors/back-office/gate.ts";
import type { Operations } from "../../../doors/back-office/operations.ts";
import { openRoutes } from "../../../doors/back-office/routes.ts";
import { Sessions } from "../../../doors/back-office/sessions.ts";
import { composeWithoutDoors } from "../../compose/without-doors.ts";
import { AskError, dataFolder, type ServerAsked } from "../control.ts";
import { settingsIn } from "../settings-in.ts";

/** Resolves with what ends it. Throws AskError, or what keeps a server from starting there. */
export async function serveAlone(asked: ServerAsked): Promise<() => Promise<void>> {
  const folder = dataFolder(asked);
  const its = await stat(`${folder}/VERSION`).catch(() => undefined);
  if (its === undefined) {
    const sentence = `no server runs with ${folder}, and nothing is kept there; write --data-dir`;
    throw new AskError("NO_SERVER", sentence);
  }
  if (process.getuid?.() === 0 && its.uid !== 0) {
    const sentence = `${folder} is another user's, and no server runs with it; start that, or ask as its user`;
    throw new AskError("NOT_ALLOWED", sentence);
  }
  const settings = await settingsIn(asked, [["DATA_DIR", folder]]);
  const { operations, close } = await composeWithoutDoors(settings);
  try {
    const office = await open(folder, operations);
    return async () => {
      await office.stop(AbortSignal.timeout(5_000));
      await close();
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function open(folder: string, operations: Operations): Promise<BackOffice> {
  const sessions = new Sessions(Date.now);
  return BackOffice.open({
    gate: new Gate({
      ...{ isLocal: true, token: undefined, readToken: undefined, hosts: [], sessions },
    }),
    address: undefined,
    readiness: () => ({ status: 503, body: '{"status":"no server runs"}' }),
    socketPath: join(folder, "control.sock"),
    load: async () => {
      const app = openRoutes();
      const end = addCarrying(app, operations);
      await app.ready();
      return {
        handle: (request, response) => app.routing(request, response),
        end: async () => {
          end();
          await app.close();
        },
      };
    },
    onError: (sentence, error) => void process.stderr.write(`entrepot: ${sentence}: ${error}\n`),
  });
}
