import { freePort, startActiveMq } from '@batonmq/services';
import { startBroker } from './test-broker.ts';

/** A broker to connect to, of either make. */
export interface RunningBroker {
  readonly uri: string;
  stop(): PromiseLike<void>;
}

/** What works at one has to work at the other. */
export const BROKERS: readonly { name: string; start: () => Promise<RunningBroker> }[] = [
  {
    name: 'BatonMQ',
    start: async () => {
      const port = await freePort();
      const broker = await startBroker(port);
      return { uri: `tcp://127.0.0.1:${port}`, stop: () => broker[Symbol.asyncDispose]() };
    },
  },
  {
    name: 'ActiveMQ',
    start: async () => {
      const broker = await startActiveMq();
      return { uri: broker.uri, stop: () => broker[Symbol.asyncDispose]() };
    },
  },
];
