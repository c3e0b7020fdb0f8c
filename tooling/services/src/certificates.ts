import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ManagedProcess } from './managed-process.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate and its key as PEM text. */
export interface CertificateText {
  readonly certificate: string;
  readonly key: string;
}

/** An authority made for a test, and what it vouches for. */
export interface TestCertificates extends AsyncDisposable {
  /** The directory that all files are in. */
  readonly directory: string;
  /** File of the authority's own certificate. */
  readonly ca: string;
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly server: CertificateFiles;
  /** Of a client, {@link CLIENT_SUBJECT}. */
  readonly client: CertificateFiles;
  /** Says that it is {@link CLIENT_SUBJECT}, vouched for by itself alone. */
  readonly stranger: CertificateFiles;
  /** One more certificate of the authority, for a server at `host`. */
  issue(name: string, host: string): Promise<CertificateFiles>;
}

/** What RFC 4514 makes of the client's subject. */
export const CLIENT_SUBJECT = 'CN=order service\\, north,OU=Retail,O=Example';

const CLIENT_NAME = '/O=Example/OU=Retail/CN=order service, north';

/** Makes an authority and its certificates with the `openssl` program. */
export async function testCertificates(): Promise<TestCertificates> {
  const place = await temporaryDirectory('batonmq-tls');
  const at = (name: string): string => join(place.path, name);
  const filesOf = (name: string): CertificateFiles => ({
    certificate: at(`${name}.pem`),
    key: at(`${name}.key`),
  });
  const request = async (name: string, subject: string, ...more: string[]): Promise<void> => {
    const { certificate, key } = filesOf(name);
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
    const files = ['-keyout', key, '-out', certificate];
    await openssl('req', '-x509', ...kind, ...files, '-subj', subject, ...more);
  };
  const authority = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  const issue = async (name: string, host: string): Promise<CertificateFiles> => {
    const names = `subjectAltName=${host}`;
    await request(name, `/O=Example/CN=${name}`, ...authority, ...leaf, '-addext', names);
    return filesOf(name);
  };

  await request('ca', '/O=Example/CN=Test authority');
  const server = await issue('server', 'DNS:localhost,IP:127.0.0.1,IP:::1');
  await request('client', CLIENT_NAME, ...authority, ...leaf);
  await request('stranger', CLIENT_NAME, ...leaf);
  return {
    directory: place.path,
    ca: at('ca.pem'),
    server,
    client: filesOf('client'),
    stranger: filesOf('stranger'),
    issue,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** The content of the two files. */
export async function certificateText(files: CertificateFiles): Promise<CertificateText> {
  return {
    certificate: await readFile(files.certificate, 'utf8'),
    key: await readFile(files.key, 'utf8'),
  };
}

/** Puts both into a store as Java reads it; returns its path. */
export async function javaKeyStore(
  certificates: TestCertificates,
  files: CertificateFiles,
  password: string,
): Promise<string> {
  const store = join(certificates.directory, 'keys.p12');
  const input = ['-in', files.certificate, '-inkey', files.key];
  await openssl('pkcs12', '-export', ...input, '-out', store, '-passout', `pass:${password}`);
  return store;
}

/** Puts the authority into a store as Java reads it; returns its path. */
export async function javaTrustStore(
  certificates: TestCertificates,
  password: string,
): Promise<string> {
  const store = join(certificates.directory, 'trust.p12');
  const args = ['-importcert', '-noprompt', '-alias', 'ca', '-file', certificates.ca];
  const target = ['-keystore', store, '-storepass', password, '-storetype', 'PKCS12'];
  await new ManagedProcess('keytool', [...args, ...target]).succeeded();
  return store;
}

async function openssl(...args: readonly string[]): Promise<void> {
  await new ManagedProcess('openssl', args).succeeded();
}
