import { Command } from 'commander';
import { BrokerError } from '@batonmq/model';
import type { ServerStatus } from '../status.ts';
import { formatBytes, formatCount } from '../terminal/units.ts';

const TIMEOUT_MS = 5_000;

/** `batonmq status`. */
export function statusCommand(): Command {
  return new Command('status')
    .description('ask a running broker for its role, its store and its destinations')
    .option('--admin <address>', 'HOST:PORT of its interface for operators', '127.0.0.1:8161')
    .option('--json', 'print everything as JSON')
    .action(async ({ admin, json }: { admin: string; json?: true }) => {
      const status = await fetchStatus(admin);
      const text = json === true ? JSON.stringify(status, undefined, 2) : formatStatus(status);
      process.stdout.write(`${text}\n`);
    });
}

async function fetchStatus(admin: string): Promise<ServerStatus> {
  const uri = `${admin.startsWith('http') ? admin : `http://${admin}`}/status`;
  try {
    const response = await fetch(uri, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return (await response.json()) as ServerStatus;
  } catch (cause) {
    throw new BrokerError(
      'BATON_DISCONNECTED',
      `No broker answers at ${uri}. Is it running, and is this the address of its --admin?`,
      { cause },
    );
  }
}

/** The status as a person reads it. */
export function formatStatus(status: ServerStatus): string {
  const { store } = status;
  const size =
    store.messageCount === undefined ? '' : `, ${formatCount(store.messageCount, 'message')}`;
  const lines = [
    `${status.name}  ${status.role}${status.epoch === undefined ? '' : `, epoch ${status.epoch}`}`,
    `  up         ${status.uptimeSeconds} s, process ${status.processId}, ${formatBytes(status.residentBytes)}`,
    `  clients    ${status.listening.join('  ') || 'not served here'}`,
    `  messages   ${store.uri}${size}`,
  ];
  for (const { destination, messageCount, consumerCount, inFlightCount } of status.destinations) {
    lines.push(
      `  ${destination}  ${formatCount(messageCount, 'message')}, ${inFlightCount} in flight, ${formatCount(consumerCount, 'consumer')}`,
    );
  }
  return lines.join('\n');
}
