import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { BrokerError } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import {
  hashPassword,
  nameProblem,
  parseUserList,
  withUser,
  type PasswordHash,
  type User,
} from '@batonmq/users-file';
import { newPassword } from './password.ts';

const OWNER_ONLY = 0o600;

interface AddFlags {
  readonly group: readonly string[];
  readonly certificate?: string;
}

/** `batonmq user`: changes a file of users. Running brokers notice by themselves. */
export function userCommand(): Command {
  return new Command('user')
    .description('change a file of users; passwords are read from standard input')
    .addCommand(
      new Command('add')
        .description('add a user, with a password unless it has a certificate')
        .argument('<file>', 'made if missing')
        .argument('<name>')
        .option('--group <name...>', 'groups it is in', [])
        .option('--certificate <subject>', 'log in with a TLS certificate: CN=a,O=b')
        .action(add),
    )
    .addCommand(
      new Command('passwd')
        .description('give a user another password')
        .argument('<file>')
        .argument('<name>')
        .action(changePassword),
    )
    .addCommand(
      new Command('remove')
        .description('take a user out')
        .argument('<file>')
        .argument('<name>')
        .action(remove),
    )
    .addCommand(
      new Command('list')
        .description('show the users with their groups')
        .argument('<file>')
        .action(list),
    );
}

async function add(file: string, name: string, flags: AddFlags): Promise<void> {
  for (const each of [name, ...flags.group]) {
    const problem = nameProblem(each);
    if (problem !== undefined) throw invalid(`"${each}" ${problem}`);
  }
  const text = contentOf(file, true);
  if (find(text, name) !== undefined) throw invalid(`${file} has a user ${name} already`);
  const password = flags.certificate === undefined ? await newHash() : undefined;
  const certificateSubject = flags.certificate;
  replace(file, withUser(text, name, { name, password, groups: flags.group, certificateSubject }));
}

async function changePassword(file: string, name: string): Promise<void> {
  const text = contentOf(file);
  const user = existing(text, file, name);
  replace(file, withUser(text, name, { ...user, password: await newHash() }));
}

function remove(file: string, name: string): void {
  const text = contentOf(file);
  existing(text, file, name);
  replace(file, withUser(text, name, undefined));
}

function list(file: string): void {
  for (const { name, groups, certificateSubject } of parseUserList(contentOf(file))) {
    const certificate = certificateSubject === undefined ? '' : `  (${certificateSubject})`;
    process.stdout.write(`${name}  ${groups.join(', ')}${certificate}\n`);
  }
}

function newHash(): Promise<PasswordHash> {
  const { random } = nodeRuntime();
  return newPassword().then((password) => hashPassword(password, random));
}

function existing(text: string, file: string, name: string): User {
  const user = find(text, name);
  if (user !== undefined) return user;
  throw invalid(`${file} has no user ${name}`);
}

function find(text: string, name: string): User | undefined {
  return parseUserList(text).find((user) => user.name === name);
}

function contentOf(file: string, mayBeMissing = false): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (mayBeMissing && (cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw invalid(`${file} cannot be read: ${(cause as Error).message}`, cause);
  }
}

/** In one step: a broker that reads it meanwhile sees the old or the new one. */
function replace(file: string, text: string): void {
  const old = statSync(file, { throwIfNoEntry: false });
  const path = old === undefined ? file : realpathSync(file);
  const aside = `${path}.new`;
  try {
    writeFileSync(aside, text, { flag: 'wx', mode: old?.mode ?? OWNER_ONLY, flush: true });
  } catch (cause) {
    const hint = `${aside} is in the way if another command was interrupted; then remove it`;
    throw invalid(`${file} cannot be changed: ${(cause as Error).message}. ${hint}`, cause);
  }
  try {
    renameSync(aside, path);
  } catch (cause) {
    rmSync(aside, { force: true });
    throw invalid(`${file} cannot be changed: ${(cause as Error).message}`, cause);
  }
}

function invalid(message: string, cause?: unknown): BrokerError {
  return new BrokerError('BATON_INVALID_ARGUMENT', message, { cause });
}
