import { Command } from 'commander';
import { expect, test } from 'vitest';
import { withClientFlags } from './client-flags.ts';

test.each(['--url', '--uri'])('%s names the brokers', (flag) => {
  const command = withClientFlags(new Command('try')).action(() => undefined);
  command.parse([flag, 'tcp://a:1'], { from: 'user' });
  expect(command.opts()).toMatchObject({ url: 'tcp://a:1' });
});
