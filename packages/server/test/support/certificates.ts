import { readFileSync, writeFileSync } from 'node:fs';
import { runOrThrow } from './processes.ts';
import type { TempDirectory } from './temp-directory.ts';

/** A key and its certificate, in PEM form. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority for one test, made with the `openssl` command. */
export class TestAuthority {
  readonly #directory: TempDirectory;
  #count = 0;

  private constructor(directory: TempDirectory) {
    this.#directory = directory;
  }

  /** Makes an authority whose files lie in `directory`. */
  static async create(directory: TempDirectory): Promise<TestAuthority> {
    const subject = ['-subj', '/CN=Test authority', '-days', '2'];
    const files = ['-keyout', directory.file('ca.key'), '-out', directory.file('ca.pem')];
    await runOrThrow('openssl', ['req', '-x509', ...newKey, ...subject, ...files]);
    return new TestAuthority(directory);
  }

  /** The authority's own certificate. */
  get certificate(): string {
    return readFileSync(this.#directory.file('ca.pem'), 'utf8');
  }

  /** Issues a certificate for a common name and alternative names such as `DNS:localhost` or `URI:iscsi:iqn.…`. */
  async issue(commonName: string, alternativeNames: string): Promise<KeyPair> {
    const file = (suffix: string): string => this.#directory.file(`${this.#count}.${suffix}`);
    this.#count++;
    writeFileSync(file('ext'), `subjectAltName=${alternativeNames}\n`);
    const request = ['-subj', `/CN=${commonName}`, '-keyout', file('key'), '-out', file('csr')];
    await runOrThrow('openssl', ['req', ...newKey, ...request]);
    const authority = ['-CA', this.#directory.file('ca.pem'), '-CAkey', this.#directory.file('ca.key')];
    const what = ['-in', file('csr'), '-extfile', file('ext'), '-days', '2', '-out', file('pem')];
    await runOrThrow('openssl', ['x509', '-req', ...authority, '-CAcreateserial', ...what]);
    return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('pem'), 'utf8') };
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
