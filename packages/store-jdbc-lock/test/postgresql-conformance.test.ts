import { startPostgres } from '@batonmq/services';
import { storeConformanceOn } from './fixtures/conformance-on.ts';
import { serverOfTests } from './fixtures/server-of-tests.ts';

const server = serverOfTests(({ directory }) =>
  startPostgres({ directory, settings: { max_connections: '50' } }),
);

storeConformanceOn(() => ({ database: server.uri }));
