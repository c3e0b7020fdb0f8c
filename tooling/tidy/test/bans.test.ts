import { expect, test } from 'vitest';
import { BANS, findBanned } from '../src/bans.ts';
import { filesBelow, members, readText, shippedSources } from '../src/workspace.ts';

test('every ban finds what it bans', () => {
  const sample = `
    import 'node:fs'; import 'node:fs/promises'; import 'node:net'; import 'node:tls';
    import 'node:child_process'; import 'node:timers/promises'; import 'node:process';
    export * from './x.ts'; export default 1; enum E { A }
    Date.now(); performance.now(); Math.random(); new Date(); new Function('x'); eval('x');
    setTimeout(f, 1); setInterval(f, 1); setImmediate(f); process.exit();
  `;
  const found = findBanned('packages/any/src/any.ts', sample).join('\n');
  for (const ban of BANS) expect(found).toContain(`${ban.what}; use`);
});

test('a ban does not reach into comments, strings or longer names', () => {
  const sample = `
    // Date.now() and setTimeout(f) are banned
    const text = 'Math.random() process.exit()';
    clock.setTimeout(f); new Date(0); dates.Date.nowhere;
  `;
  expect(findBanned('packages/any/src/any.ts', sample)).toEqual([]);
});

test.each(members())('$path contains nothing banned', (member) => {
  expect(shippedSources(member).flatMap((path) => findBanned(path))).toEqual([]);
});

test.each(members())('$path has no door left open', (member) => {
  const open = /\b(FIXME|XXX|TODO(?!\(#\d+\)))\b/;
  const own = 'tooling/tidy/test/bans.test.ts';
  const found = filesBelow(member.path, '.ts').filter(
    (path) => path !== own && open.test(readText(path)),
  );
  expect(found).toEqual([]);
});
