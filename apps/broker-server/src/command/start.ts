import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Command } from 'commander';
import type { Logger } from '@batonmq/runtime';
import { jsonLogger, nodeRuntime } from '@batonmq/runtime/node';
import {
  formatSettings,
  resolveSettings,
  type ResolvedSettings,
} from '../config/resolve-settings.ts';
import type { Settings } from '../config/settings.ts';
import {
  environmentSource,
  fileSource,
  flagSource,
  missingFile,
  type Source,
} from '../config/source.ts';
import { packageVersion } from '../package-version.ts';
import { startServer, type Server } from '../server.ts';
import { STORE_PASSWORD_VARIABLE } from '../store/store-choice.ts';
import { banner } from '../terminal/banner.ts';
import { prettyLogger } from '../terminal/pretty-logger.ts';

/** Any time will do: only that the timer exists matters. */
const KEEP_ALIVE_MS = 60_000;

interface StartFlags {
  readonly config?: string;
  readonly printConfig?: true;
  readonly [setting: string]: unknown;
}

/** `batonmq start`. */
export function startCommand(): Command {
  return new Command('start')
    .description('run a broker; it waits in line while another one uses the same store')
    .option('-c, --config <file>', 'YAML or JSON file with settings (or BATONMQ_CONFIG)')
    .option('--name <name>', 'name of this broker (default: host name and port)')
    .option('--listen <uri...>', 'where clients connect (default: tcp://127.0.0.1:61616)')
    .option(
      '--store <uri>',
      'where messages are: file:DIR, memory:, sqlite:FILE, postgres://…, mysql://… (default: file:./data)',
    )
    .option('--admin <address>', 'HOST:PORT for operators, or off (default: 127.0.0.1:8161)')
    .option('--audit <place>', 'log, off or a file (default: log with security, else off)')
    .option('--log <format>', 'json or pretty (default: pretty on a terminal)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--print-config', 'print the settings in force and where each comes from, then end')
    .addHelpText(
      'after',
      `\n${STORE_PASSWORD_VARIABLE} is the password of a database, which others could read on a command line.`,
    )
    .action(start);
}

async function start(flags: StartFlags): Promise<void> {
  const resolved = settingsFrom(flags);
  if (flags.printConfig === true) {
    process.stdout.write(formatSettings(resolved));
    return;
  }
  const { settings } = resolved;
  const logger = loggerFor(settings);
  const server = await startServer(settings, nodeRuntime({ logger }));
  if (settings.log === 'pretty') {
    process.stdout.write(banner(settings, packageVersion(), server.adminUri));
  }
  stopOnSignals(server, logger);
  // A broker in line may have nothing open that would keep the process; it is still at work.
  const keepAlive = setInterval(() => undefined, KEEP_ALIVE_MS);
  await server.finished.finally(() => {
    clearInterval(keepAlive);
  });
}

function settingsFrom({ config, printConfig, ...flags }: StartFlags): ResolvedSettings {
  const path = config ?? process.env['BATONMQ_CONFIG'];
  const sources = [environmentSource(process.env), flagSource(flags)];
  if (path !== undefined) sources.unshift(configurationAt(path));
  return resolveSettings(sources, { hostName: hostname(), isTerminal: process.stdout.isTTY });
}

function configurationAt(path: string): Source {
  try {
    return fileSource(path, readFileSync(path, 'utf8'));
  } catch (error) {
    return missingFile(path, error instanceof Error ? error.message : String(error));
  }
}

function loggerFor({ log, logLevel: level }: Settings): Logger {
  const write = (line: string): void => void process.stdout.write(line);
  if (log === 'json') return jsonLogger({ level, write });
  return prettyLogger({ level, write, wallTime: Date.now, isColoured: process.stdout.isTTY });
}

/** The first signal drains; a second one, from somebody who does not want to wait, ends at once. */
function stopOnSignals(server: Server, logger: Logger): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(130);
      isStopping = true;
      logger.log('info', 'stopping', { event: 'stopping', signal });
      void server.stop();
    });
  }
}
