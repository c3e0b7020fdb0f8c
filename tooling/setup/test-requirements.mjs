/** The programs that the tests talk to: ActiveMQ and its Java client, database servers, and others. */
import { existsSync, readdirSync } from 'node:fs';
import { withoutServiceStarts } from './service-starts.mjs';
import { fail, isInstalled, run } from './workspace.mjs';

const JARS = '/usr/share/java';
const POSTGRES_VERSIONS = '/usr/lib/postgresql';

/** What the tests need, how to see that it is there, and the Debian package that brings it. */
const REQUIREMENTS = [
  { what: 'a C++ compiler', package: 'g++', isMet: () => isInstalled('g++') },
  { what: 'make', package: 'make', isMet: () => isInstalled('make') },
  { what: 'the Java compiler', package: 'default-jdk-headless', isMet: () => isInstalled('javac') },
  {
    what: 'ActiveMQ 5.17 and its Java client',
    package: 'libactivemq-java',
    isMet: () => existsSync(`${JARS}/activemq-broker.jar`),
  },
  {
    what: 'the pool of database connections that ActiveMQ uses',
    package: 'libcommons-dbcp2-java',
    isMet: () => existsSync(`${JARS}/commons-dbcp2.jar`),
  },
  {
    what: 'the Java driver of PostgreSQL',
    package: 'libpostgresql-jdbc-java',
    isMet: () => existsSync(`${JARS}/postgresql.jar`),
  },
  {
    what: 'Python, which locks files too',
    package: 'python3',
    isMet: () => isInstalled('python3'),
  },
  {
    what: 'the STOMP client of Python',
    package: 'python3-stomp',
    isMet: () => existsSync('/usr/lib/python3/dist-packages/stomp'),
  },
  {
    what: 'OpenSSL, which makes certificates',
    package: 'openssl',
    isMet: () => isInstalled('openssl'),
  },
  {
    what: 'PostgreSQL',
    package: 'postgresql',
    isMet: () =>
      existsSync(POSTGRES_VERSIONS) &&
      readdirSync(POSTGRES_VERSIONS).some((version) =>
        existsSync(`${POSTGRES_VERSIONS}/${version}/bin/initdb`),
      ),
  },
  {
    what: 'MariaDB, with Galera and what copies files between its nodes',
    package: 'mariadb-server',
    isMet: () => isInstalled('wsrep_sst_rsync'),
  },
];

/** Installs what is missing where that is possible; otherwise ends with the command that would. */
export function provideTestRequirements() {
  const missing = REQUIREMENTS.filter((requirement) => !requirement.isMet());
  if (missing.length === 0) return;

  const packages = missing.map((requirement) => requirement.package);
  const list = missing.map((requirement) => `  ${requirement.what} (${requirement.package})`);
  console.log(`The tests need, and this machine lacks:\n${list.join('\n')}`);
  const command = `apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  if (!isInstalled('apt-get')) {
    fail('Install them, with the jars of Debian’s package in /usr/share/java, then try again.');
  }
  if (process.getuid?.() !== 0) fail(`Run this as root, then try again:\n  ${command}`);

  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '--quiet'], env);
  withoutServiceStarts(() => run('apt-get', command.split(' ').slice(1), env));
  const stillMissing = REQUIREMENTS.filter((requirement) => !requirement.isMet());
  if (stillMissing.length > 0) {
    const names = stillMissing.map((requirement) => requirement.package).join(' ');
    fail(`apt-get could not install: ${names}. The lines above say why.`);
  }
}
