import { expect, test } from 'vitest';
import { looksLikeStomp } from './command.ts';

test.each([
  ['CONNECT\n', true],
  ['CONNECT\r\n', true],
  ['STOMP\naccept-version:1.2', true],
  ['\n\r\nSTOMP\n', true],
  ['', undefined],
  ['\n', undefined],
  ['C', undefined],
  ['CONNECT', undefined],
  ['STOM', undefined],
  ['CONNECT example.org:443 HTTP/1.1', false],
  ['SEND\n', false],
  ['GET / HTTP/1.1', false],
  ['\0\0\u0001h\u0001ActiveMQ', false],
])('%j begins a conversation: %s', (text, expected) => {
  expect(looksLikeStomp(Buffer.from(text, 'latin1'))).toBe(expected);
});
