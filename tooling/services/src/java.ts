import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess, type ManagedProcessOptions } from './managed-process.ts';

const JARS = '/usr/share/java';
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/batonmq-java', import.meta.url));

/** ActiveMQ's client and broker, and what its JDBC store needs, as Debian's packages bring them. */
const CLASS_PATH = [
  'activemq-client',
  'activemq-broker',
  'activemq-jaas',
  'activemq-kahadb-store',
  'activemq-jdbc-store',
  'activemq-openwire-legacy',
  'activemq-stomp',
  'activemq-protobuf',
  'activeio-core',
  'geronimo-jms_1.1_spec',
  'geronimo-jta-1.2-spec',
  'geronimo-j2ee-management-1.1-spec',
  'hawtbuf',
  'slf4j-api',
  'slf4j-nop',
  'commons-dbcp2',
  'commons-pool2',
  'commons-logging',
  'postgresql',
].map((name) => join(JARS, `${name}.jar`));

const PACKAGES = [
  'default-jdk-headless',
  'libactivemq-java',
  'libcommons-dbcp2-java',
  'libpostgresql-jdbc-java',
];

/** A compiled Java program with ActiveMQ's classes beside it. */
export interface JavaProgram {
  readonly mainClass: string;
  readonly classPath: string;
}

export interface JavaRunOptions extends ManagedProcessOptions {
  /**
   * For the virtual machine, before the class.
   *
   * @defaultValue a small heap and a fast start: right for tests, wrong for measurements
   */
  readonly javaArgs?: readonly string[];
}

/**
 * Compiles one Java source file; `path` names its main class. The result is kept by the content of
 * the file, so only the first run of a version waits for the compiler.
 */
export async function compileJava(path: string): Promise<JavaProgram> {
  const missing = CLASS_PATH.filter((jar) => !existsSync(jar));
  if (missing.length > 0) {
    throw new Error(`Install ${PACKAGES.join(', ')}; missing: ${missing.join()}`);
  }
  const digest = createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
    .slice(0, 16);
  const classes = join(CACHE, `${basename(path, '.java')}-${digest}`);
  if (!existsSync(classes)) {
    await mkdir(CACHE, { recursive: true });
    // Compiled aside and moved, because several test files may want it at once.
    const aside = await mkdtemp(join(CACHE, 'compiling-'));
    const args = ['-nowarn', '-d', aside, '-cp', CLASS_PATH.join(':'), path];
    await new ManagedProcess('javac', args).succeeded();
    await rename(aside, classes).catch(() => rm(aside, { recursive: true, force: true }));
  }
  return {
    mainClass: basename(path, '.java'),
    classPath: [classes, ...CLASS_PATH].join(':'),
  };
}

const JAVA_ARGS_FOR_TESTS = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
];

/** Starts a compiled program. */
export function runJava(
  program: JavaProgram,
  args: readonly string[],
  options: JavaRunOptions = {},
): ManagedProcess {
  const { javaArgs = JAVA_ARGS_FOR_TESTS, ...processOptions } = options;
  return new ManagedProcess(
    'java',
    [...javaArgs, '-cp', program.classPath, program.mainClass, ...args],
    processOptions,
  );
}
