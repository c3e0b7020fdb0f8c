import { expect, test } from 'vitest';
import { prettyLogger } from './pretty-logger.ts';

function linesOf(use: (logger: ReturnType<typeof prettyLogger>) => void): string[] {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  use(prettyLogger({ level: 'info', write, wallTime: () => 0, isColoured: false }));
  return lines;
}

test('a line shows level, message and fields in words', () => {
  const [line] = linesOf((logger) => {
    logger
      .child({ epoch: 2 })
      .log('warn', 'it slows', { error: new Error('the disk'), gone: undefined });
  });
  expect(line).toMatch(/^\d\d:\d\d:\d\d WARN {2}it slows {2}epoch=2 error=the disk\n$/);
});

test('lines below the level are dropped, and fields without a form do not throw', () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  const lines = linesOf((logger) => {
    logger.log('debug', 'quiet');
    logger.log('info', 'round', { loop });
  });
  expect(lines).toHaveLength(1);
});
