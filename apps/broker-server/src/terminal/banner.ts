import { styleText } from 'node:util';
import type { Settings } from '../config/settings.ts';
import { hasPassword, STORE_PASSWORD_VARIABLE, storeUri } from '../store/store-choice.ts';

/** How a person types the program's name: as they did. */
function commandName(): string {
  return process.env['npm_lifecycle_event'] === undefined ? 'batonmq' : 'npx batonmq';
}

/** Quoted, if a shell would take it for more than one word. */
function inShell(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a person sees when a broker starts: where to connect, and what to try next. */
export function banner(settings: Settings, version: string, adminUri: string | undefined): string {
  const command = commandName();
  const store = storeUri(settings.store);
  const login = hasPassword(settings.store) ? `${STORE_PASSWORD_VARIABLE}=… ` : '';
  const clients = settings.listen.map((uri) => uri.split('?')[0] ?? uri);
  const toBroker = clients[0] === 'tcp://127.0.0.1:61616' ? '' : ` --url ${clients[0] ?? ''}`;
  return `
${styleText('bold', `BatonMQ ${version}`)}  ${settings.name}

  clients    ${clients.join('  ')}
  messages   ${store}
  operators  ${adminUri === undefined ? 'off' : `${adminUri}/status`}

Try next, in other terminals:
  ${command} produce --count 1000${toBroker}
  ${command} consume${toBroker}
A second broker that takes over when this one dies, and clients that know both:
  ${login}${command} start --listen tcp://127.0.0.1:61617 --store ${inShell(store)} --admin off
  ${command} consume --url 'failover:(${clients[0] ?? ''},tcp://127.0.0.1:61617)'

`;
}
