import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileJava, runJava, temporaryDirectory } from '@batonmq/services';
import { parseSelector, type SelectorValue } from '@batonmq/selector';
import { properties, selectorText, tokenHeap, type Properties } from './arbitrary-selectors.ts';

const ORACLE = fileURLToPath(new URL('SelectorOracle.java', import.meta.url));
/** Fixed, so that a failure is seen again. */
const SEED = 20;

test('selectors mean what they mean in ActiveMQ', { timeout: 120_000 }, async () => {
  const messages = fc.sample(properties, { numRuns: 24, seed: SEED });
  const selectors = [
    ...fc.sample(selectorText, { numRuns: 3000, seed: SEED }),
    ...fc.sample(
      selectorText.map((text) => `convert_string_expressions:${text}`),
      { numRuns: 600, seed: SEED + 1 },
    ),
    ...fc.sample(tokenHeap, { numRuns: 1500, seed: SEED }),
  ];
  const theirs = await askActiveMq(messages, selectors);
  const disagreements = selectors.flatMap((selector, index) => {
    const their = theirs[index] ?? '';
    const our = verdicts(selector, messages);
    return agree(our, their) ? [] : [{ selector, our, their }];
  });
  expect(disagreements).toEqual([]);
  expect(theirs.filter((verdict) => verdict.includes('y')).length).toBeGreaterThan(500);
});

/** Where evaluation fails in ActiveMQ, there is no saying what it should have been. */
function agree(our: string, their: string): boolean {
  if (our.length !== their.length) return false;
  return Array.from(our).every((verdict, index) => ['e', verdict].includes(their[index] ?? ''));
}

function verdicts(selector: string, messages: readonly Properties[]): string {
  try {
    const parsed = parseSelector(selector);
    const matches = (message: Properties): boolean =>
      parsed.matches({ value: (name) => message.get(name) });
    return messages.map((message) => (matches(message) ? 'y' : 'n')).join('');
  } catch {
    return 'invalid';
  }
}

async function askActiveMq(
  messages: readonly Properties[],
  selectors: readonly string[],
): Promise<readonly string[]> {
  await using directory = await temporaryDirectory();
  const input = join(directory.path, 'questions');
  const lines = [
    ...messages.map((message) => `M ${[...message].map(property).join(' ')}`),
    ...selectors.map((selector) => `S ${base64(selector)}`),
  ];
  await writeFile(input, lines.join('\n'));
  const answers: string[] = [];
  await using run = runJava(await compileJava(ORACLE), [input], {
    onLine: (line) => answers.push(line),
  });
  await run.succeeded();
  return answers;
}

function property([name, { kind, value }]: [string, SelectorValue]): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value);
  return `${base64(name)}:${kind}:${base64(text)}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
