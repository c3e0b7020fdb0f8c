import { BrokerError, ERROR_CODES, type ErrorCode } from '@batonmq/model';
import { expect, test } from 'vitest';
import { destinationGone, throwable, xaThrowable } from './exception.ts';

test.each(Object.keys(ERROR_CODES) as ErrorCode[])(
  '%s is told as a class that Java has',
  (code) => {
    const told = throwable(new BrokerError(code, 'text'));
    expect(told.className).toMatch(/^(javax\.jms|java\.lang|java\.io)\.[A-Za-z]+$/);
    expect(told.message).toBe(`text [${code}]`);
  },
);

test.each([
  ['BATON_UNKNOWN_TRANSACTION', -4],
  ['BATON_INVALID_STATE', -6],
  ['BATON_INVALID_ARGUMENT', -5],
  ['BATON_TRANSACTION_ROLLED_BACK', 100],
  ['BATON_STORE_FULL', 4],
  ['BATON_LIMIT', -3],
] as const)(
  '%s ends with the XA error number %i, where the Java client looks for it',
  (code, number) => {
    const told = xaThrowable(new BrokerError(code, 'text'));
    expect(told.className).toBe('javax.transaction.xa.XAException');
    expect(told.message).toBe(`text [${code}] xaErrorCode:${number}`);
  },
);

test('a temporary destination that is gone is named first', () => {
  const error = new BrokerError('BATON_INVALID_DESTINATION', 'deleted');
  const told = destinationGone(error, 'temp-queue://ID:a:1:1');
  expect(told.className).toBe('org.apache.activemq.DestinationDoesNotExistException');
  expect(told.message).toMatch(/^temp-queue:\/\/ID:a:1:1 /);
});
