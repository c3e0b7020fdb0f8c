/**
 * Real servers, programs and places for tests: on the loopback interface, in temporary directories,
 * never left behind.
 *
 * @packageDocumentation
 */
export {
  startActiveMq,
  type ActiveMq,
  type ActiveMqJdbc,
  type ActiveMqOptions,
} from './active-mq.ts';
export {
  runBatonMq,
  startBatonMq,
  type BatonMq,
  type BatonMqOptions,
  type LoggedEvent,
} from './baton-mq.ts';
export {
  certificateText,
  CLIENT_SUBJECT,
  javaKeyStore,
  javaTrustStore,
  testCertificates,
  type CertificateFiles,
  type CertificateText,
  type TestCertificates,
} from './certificates.ts';
export { compileJava, runJava, type JavaProgram, type JavaRunOptions } from './java.ts';
export type { DatabaseServer } from './database-server.ts';
export { startGalera, type Galera, type GaleraOptions } from './galera.ts';
export { startLink, type Link, type LinkOptions } from './link.ts';
export { ManagedProcess, type ManagedProcessOptions, type ProcessExit } from './managed-process.ts';
export { mariaDbQuery, startMariaDb, type MariaDbOptions } from './maria-db.ts';
export { startNats, type Nats, type NatsOptions } from './nats.ts';
export { freePort, freePorts } from './ports.ts';
export { postgresQuery, startPostgres, type PostgresOptions } from './postgres.ts';
export { startPostgresPair, type PostgresPair, type PostgresPairOptions } from './postgres-pair.ts';
export { startRabbitMq, type RabbitMq, type RabbitMqOptions } from './rabbit-mq.ts';
export {
  builtPlugin,
  StoreProcess,
  type StoreEvent,
  type StorePluginOfPackage,
  type StoreProcessOptions,
} from './store-process.ts';
export { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.ts';
