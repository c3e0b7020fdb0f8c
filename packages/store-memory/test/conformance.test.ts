import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
import { storeConformance } from '@batonmq/store-testkit';
import { test } from 'vitest';

function create(messageBytesMax?: number) {
  const space = createMemorySpace();
  const room = messageBytesMax === undefined ? {} : { messageBytesMax };
  return { space, plugin: memoryStore({ space, ...room }) };
}

storeConformance({
  test,
  capabilities: { isDurable: false, isShared: true },
  create: () => create(),
  createSmall: () => create(2 ** 20),
  depose: ({ space }) => {
    space.depose('unaware');
  },
});
