import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { BrokerError } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { openStore } from '@batonmq/store-spi';
import {
  inspectDirectory,
  verifyDirectory,
  type DirectoryInspection,
} from '@batonmq/store-fs-lock';
import {
  isStoreUri,
  loadStore,
  STORE_PASSWORD_VARIABLE,
  storeDirectory,
  storeFile,
  storeUri,
  withPassword,
} from '../store/store-choice.ts';
import { Progress } from '../terminal/progress.ts';
import { formatBytes, formatCount } from '../terminal/units.ts';

/** What keeps a segment on disk, for people. */
const REASONS: Readonly<Record<string, string>> = {
  written: 'is being written',
  live: 'holds messages that nobody has consumed',
  checkpoint: 'recovery would read it; the next checkpoints free it',
  retiring: 'nothing keeps it; it is being removed',
};

interface StoreFlags {
  readonly json?: true;
}

/** `batonmq store verify|inspect`: reads a store and changes nothing in it. */
export function storeCommand(): Command {
  return new Command('store')
    .description('look into a store; nothing in it is changed')
    .addCommand(
      new Command('inspect')
        .description('show sizes, and of a directory who holds it and why each segment is kept')
        .argument('<store>', 'DIR, file:DIR, or the URI of a database')
        .option('--json', 'print everything as JSON')
        .action(inspect),
    )
    .addCommand(
      new Command('verify')
        .description('read everything that is stored and check every checksum')
        .argument('<directory>', 'DIR or file:DIR')
        .option('--json', 'print everything as JSON')
        .action(verify),
    );
}

async function inspect(location: string, { json }: StoreFlags): Promise<void> {
  if (isStoreUri(location) && storeDirectory(location) === undefined) {
    await inspectShared(location, json === true);
    return;
  }
  const inspection = await inspectDirectory(directoryOf(location), nodeRuntime());
  process.stdout.write(`${json === true ? toJson(inspection) : describe(location, inspection)}\n`);
}

/** What a store says of itself that has no directory. */
async function inspectShared(location: string, isJson: boolean): Promise<void> {
  const password = process.env[STORE_PASSWORD_VARIABLE];
  const choice = password === undefined ? location : withPassword(location, password);
  const plugin = await loadStore(choice);
  const file = storeFile(location);
  if (file !== undefined && !existsSync(file)) {
    // To open it would be to make it.
    process.stdout.write(`${isJson ? toJson(null) : `${storeUri(choice)} holds no store`}\n`);
    return;
  }
  const store = openStore(plugin, nodeRuntime());
  const inspection = await store.inspect().finally(() => store.close());
  const { epoch, messageCount, liveBytes, usedBytes } = inspection;
  const lines = [
    `${storeUri(choice)}  epoch ${epoch ?? 'none'}`,
    `  stored        ${formatCount(messageCount, 'message')}, ${formatBytes(liveBytes)}`,
    `  taken up      ${formatBytes(usedBytes)}`,
  ];
  process.stdout.write(`${isJson ? toJson(inspection) : lines.join('\n')}\n`);
}

/** The inspection as a person reads it. */
function describe(location: string, { epoch, lock, journal }: DirectoryInspection): string {
  if (journal === undefined) return `${location} holds no store`;
  const holder =
    lock === undefined
      ? 'nobody'
      : `${lock.owner}, ${lock.state === 'held' ? 'or it died holding it' : lock.state}`;
  const lines = [
    `${location}  epoch ${epoch ?? 'none'}`,
    `  held by       ${holder}`,
    `  stored        ${formatCount(journal.messageCount, 'message')}, ${formatBytes(journal.liveBytes)}`,
    `  on disk       ${formatBytes(journal.usedBytes)}${journal.isFull ? ', and no room for more' : ''}`,
  ];
  for (const { file, bytes, liveCount, liveBytes, why } of journal.segments) {
    lines.push(
      `  ${file}  ${formatBytes(bytes)}: ${REASONS[why] ?? why}` +
        ` (${formatCount(liveCount, 'message')}, ${formatBytes(liveBytes)})`,
    );
  }
  return lines.join('\n');
}

async function verify(location: string, { json }: StoreFlags): Promise<void> {
  const progress = new Progress();
  const found = await verifyDirectory(directoryOf(location), nodeRuntime(), (seen) => {
    progress.show(
      () => `${formatBytes(seen.doneBytes)} of ${formatBytes(seen.totalBytes)} checked`,
    );
  });
  progress.end();
  if (json === true) process.stdout.write(`${toJson(found ?? null)}\n`);
  if (found === undefined) {
    if (json !== true) process.stdout.write(`${location} holds no store\n`);
    return;
  }
  if (found.damage.length > 0) throw damaged(location, found.damage);
  if (json === true) return;
  const size = `${formatCount(found.messageCount, 'message')}, ${formatBytes(found.bytes)}`;
  process.stdout.write(
    `${location} is intact: ${size} in ${formatCount(found.segmentCount, 'segment')}\n`,
  );
}

function damaged(
  location: string,
  damage: readonly { readonly file: string; readonly from: number; readonly to: number }[],
): BrokerError {
  const places = damage.map(({ file, from, to }) => `  ${file}, bytes ${from} to ${to}`);
  return new BrokerError('BATON_CORRUPT', `${location} is damaged:\n${places.join('\n')}\n`);
}

/** A directory as people write it, or as `--store` has it. */
function directoryOf(location: string): string {
  const directory = storeDirectory(location);
  if (directory === undefined && isStoreUri(location)) {
    const problem = 'Only directories are verified; a database checks its own files';
    throw new BrokerError('BATON_UNSUPPORTED', problem);
  }
  return directory ?? location;
}

function toJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}
