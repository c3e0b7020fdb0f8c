import { createInterface } from 'node:readline';
import { BrokerError } from '@batonmq/model';

const CTRL_C = '\u0003';
const BACKSPACES = ['\u007f', '\b'];

/**
 * A password from the terminal, where it is not shown and asked for twice, or the first line of
 * standard input. Never from the command line, which others on the machine can see.
 *
 * @throws `BATON_INVALID_ARGUMENT` if there is none, or two that differ.
 */
export async function newPassword(): Promise<string> {
  if (!process.stdin.isTTY) return firstLine();
  const password = await hiddenLine('Password: ');
  if (password === (await hiddenLine('Once more: '))) return required(password);
  throw new BrokerError('BATON_INVALID_ARGUMENT', 'The two passwords differ');
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return required(line);
  return required('');
}

function required(password: string): string {
  if (password !== '') return password;
  throw new BrokerError('BATON_INVALID_ARGUMENT', 'A password must be given on standard input');
}

function hiddenLine(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = '';
    const finish = (outcome: () => void): void => {
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      outcome();
    };
    const take = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n') {
          finish(() => {
            resolve(typed);
          });
          return;
        }
        if (character === CTRL_C) {
          finish(() => {
            reject(new BrokerError('BATON_ABORTED', 'Interrupted'));
          });
          return;
        }
        typed = BACKSPACES.includes(character) ? typed.slice(0, -1) : typed + character;
      }
    };
    stdin.on('data', take);
  });
}
