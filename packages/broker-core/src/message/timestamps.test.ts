import { connectionId, destination, producerId, type Message } from '@batonmq/model';
import { expect, test } from 'vitest';
import { BROKER_DEFAULTS, resolveBrokerOptions } from '../options.ts';
import { TIMESTAMP_DEFAULTS, withBrokerTime, type TimestampOptions } from './timestamps.ts';

const NOW = 1_000_000;
const SENDER = producerId(connectionId('ID:c'), 1, 1);

function message(timestamp: number, expiration: number, through = SENDER): Message {
  return {
    id: { producerId: SENDER, producerSequence: 1 },
    producerId: through,
    destination: destination('queue', 'A'),
    isPersistent: true,
    priority: 4,
    timestamp,
    expiration,
    groupSequence: 0,
    contentKind: 'empty',
    isCompressed: false,
    redeliveryCount: 0,
    brokerInTime: 0,
  };
}

function timesOf(sent: Message, options: TimestampOptions = {}): [number, number] {
  const { timestamp, expiration } = withBrokerTime(
    sent,
    { ...TIMESTAMP_DEFAULTS, ...options },
    NOW,
  );
  return [timestamp, expiration];
}

test('a message gets the broker’s time and keeps its time to live', () => {
  expect(timesOf(message(500, 800))).toEqual([NOW, NOW + 300]);
  expect(timesOf(message(NOW + 500, NOW + 800))).toEqual([NOW, NOW + 300]);
  expect(timesOf(message(500, 0))).toEqual([NOW, 0]);
});

test('"ttlCeiling" bounds a time to live, and "zeroExpirationOverride" gives one', () => {
  expect(timesOf(message(500, 800), { ttlCeiling: 100 })).toEqual([NOW, NOW + 100]);
  expect(timesOf(message(500, 0), { ttlCeiling: 100 })).toEqual([NOW, 0]);
  expect(timesOf(message(500, 0), { zeroExpirationOverride: 70 })).toEqual([NOW, NOW + 70]);
  const both = { zeroExpirationOverride: 700, ttlCeiling: 100 };
  expect(timesOf(message(500, 0), both)).toEqual([NOW, NOW + 100]);
});

test('with "futureOnly" no message dies earlier', () => {
  expect(timesOf(message(NOW + 500, NOW + 800), { futureOnly: true })).toEqual([
    NOW + 500,
    NOW + 800,
  ]);
  expect(timesOf(message(500, 800), { futureOnly: true })).toEqual([NOW, NOW + 300]);
});

test('a message without a timestamp and one that came over another broker are left alone', () => {
  expect(timesOf(message(0, 800))).toEqual([0, 800]);
  const bridge = producerId(connectionId('ID:bridge'), 1, 1);
  expect(timesOf(message(500, 800, bridge))).toEqual([500, 800]);
});

test('its options are checked with all others', () => {
  expect(resolveBrokerOptions({ timestamp: { ttlCeiling: 5 } }).timestamp).toEqual({
    ...BROKER_DEFAULTS.timestamp,
    ttlCeiling: 5,
  });
  const wrong = { timestamp: { ttlCeiling: -1, isEnabled: 1, ceiling: 1 } };
  expect(() => resolveBrokerOptions(wrong as never)).toThrow(
    'Wrong broker options: "timestamp.ttlCeiling" must be a whole number from 0 up, not -1; "timestamp.isEnabled" must be a boolean; "timestamp.ceiling" is unknown',
  );
  expect(() => resolveBrokerOptions({ timestamp: 5 } as never)).toThrow(
    '"timestamp" must be a mapping',
  );
});
