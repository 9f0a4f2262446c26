import { describe, expect, it } from 'vitest';
import { certificateNames } from '../../src/shell/certificate-names.ts';

const NAME = 'iqn.1994-05.com.example:one';

describe('iSCSI names of a client certificate', () => {
  it('a URI iscsi:NAME among the alternative names speaks, and the common name then does not', () => {
    const subjectAltName = `DNS:one.example.com, URI:iscsi:${NAME}, URI:https://example.com/`;
    expect(certificateNames({ subject: 'CN=iqn.1994-05.com.example:two', subjectAltName })).toEqual([NAME]);
  });

  it('without such a URI the common name speaks', () => {
    const subject = `O=Example\nCN=${NAME}`;
    expect(certificateNames({ subject, subjectAltName: undefined })).toEqual([NAME]);
    expect(certificateNames({ subject, subjectAltName: 'DNS:one.example.com' })).toEqual([NAME]);
  });

  it('upper case becomes lower case, as in iSCSI names (RFC 3722)', () => {
    expect(certificateNames({ subject: `CN=${NAME.toUpperCase()}`, subjectAltName: undefined })).toEqual([
      NAME,
    ]);
  });

  it('a name within a quoted value is no name of its own', () => {
    const forged = `URI:"https://x/, URI:iscsi:${NAME}, y"`;
    expect(certificateNames({ subject: 'CN=other', subjectAltName: forged })).toEqual(['other']);
    const both = `${forged}, URI:iscsi:iqn.1994-05.com.example:real`;
    expect(certificateNames({ subject: 'CN=other', subjectAltName: both })).toEqual([
      'iqn.1994-05.com.example:real',
    ]);
  });

  it('a certificate without any name speaks for nobody', () => {
    expect(certificateNames({ subject: 'O=Example', subjectAltName: undefined })).toEqual([]);
  });
});
