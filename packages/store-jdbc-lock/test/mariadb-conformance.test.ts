import { startMariaDb } from '@batonmq/services';
import { storeConformanceOn } from './fixtures/conformance-on.ts';
import { serverOfTests } from './fixtures/server-of-tests.ts';

const server = serverOfTests(startMariaDb);

storeConformanceOn(() => ({ database: server.uri }));
