/** What runs in the thread of a session: a write waits for the disk here, and not in the broker's event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome } from '../session.ts';
import { Connection } from './connection.ts';
import { LockFile } from './lock-file.ts';
import type { Answer, Request, ThreadData } from './messages.ts';

const data = workerData as ThreadData;
let connection: Connection;
let lockFile: LockFile | undefined;

answer(() => {
  connection = new Connection(data);
  return { type: 'opened' };
});

parentPort?.on('message', (request: Request) => {
  answer(() => carryOut(request));
});

function carryOut(request: Request): Answer {
  switch (request.type) {
    case 'run':
      return { type: 'ran', outcome: connection.run(request.statement) };
    case 'write':
      return { type: 'written', isDone: connection.write(request.write) };
    case 'take-lock':
      lockFile ??= new LockFile(`${data.file}-lock`);
      return { type: 'lock', isHeld: lockFile.take(request.waitMs) };
    case 'give-lock-back':
      lockFile?.giveBack();
      return { type: 'lock', isHeld: false };
  }
}

function answer(work: () => Answer): void {
  let result: Answer;
  try {
    result = work();
  } catch (error) {
    result = failed(error);
  }
  parentPort?.postMessage(result, result.type === 'ran' ? buffersOf(result.outcome) : []);
}

function failed(error: unknown): Answer {
  const { code, message } = error as { code?: string; message: string };
  // The driver looks for the directory itself, and has no code for that.
  const isOpening = error instanceof TypeError && message.startsWith('Cannot open database');
  return {
    type: 'failed',
    code: isOpening ? 'SQLITE_CANTOPEN' : codeOf(code),
    reason: message,
  };
}

function codeOf(code: string | undefined) {
  if (code === 'NO_WRITE_AHEAD_LOG') return code;
  return code?.startsWith('SQLITE_') === true ? (code as `SQLITE_${string}`) : 'UNKNOWN';
}

/** They move to the other side instead of being copied. */
function buffersOf({ rows }: Outcome): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  for (const row of rows) {
    for (const value of Object.values(row)) {
      if (value instanceof Uint8Array && value.length > 0)
        buffers.push(value.buffer as ArrayBuffer);
    }
  }
  return buffers;
}
