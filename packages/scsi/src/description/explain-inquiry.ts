import { INQUIRY } from '../cdb/primary-cdbs.ts';
import { parseStandardInquiry, VERSION_DESCRIPTORS } from '../inquiry/standard-inquiry.ts';
import { parseVpdPage } from '../inquiry/vpd-page.ts';
import { VPD_PAGE_FORMATS, vpdPageName } from '../inquiry/vpd-page-table.ts';
import { explainData } from './data-format.ts';
import {
  describeObject,
  descriptionText,
  hexBytes,
  hexCode,
  type Description,
  type Meanings,
} from './description.ts';

/** PERIPHERAL DEVICE TYPE (SPC-5 table 145) and what else standard INQUIRY data says by number. */
const INQUIRY_MEANINGS: Meanings = {
  PERIPHERAL_QUALIFIER: { 0: 'connected', 1: 'not connected', 3: 'no such logical unit' },
  PERIPHERAL_DEVICE_TYPE: {
    0x00: 'direct access block device',
    0x01: 'sequential access device',
    0x03: 'processor device',
    0x05: 'CD/DVD device',
    0x08: 'media changer',
    0x0c: 'storage array controller',
    0x0d: 'enclosure services device',
    0x0e: 'simplified direct access device',
    0x11: 'object based storage device',
    0x14: 'host managed zoned block device',
    0x1e: 'well known logical unit',
    0x1f: 'none',
  },
  VERSION: { 0: 'none', 3: 'SPC', 4: 'SPC-2', 5: 'SPC-3', 6: 'SPC-4', 7: 'SPC-5', 0xd: 'SPC-6' },
  TPGS: { 0: 'no ALUA', 1: 'implicit ALUA', 2: 'explicit ALUA', 3: 'implicit and explicit ALUA' },
  VERSION_DESCRIPTOR_1: VERSION_DESCRIPTORS,
  VERSION_DESCRIPTOR_2: VERSION_DESCRIPTORS,
  VERSION_DESCRIPTOR_3: VERSION_DESCRIPTORS,
  VERSION_DESCRIPTOR_4: VERSION_DESCRIPTORS,
};

/** What standard INQUIRY data says (SPC-5 6.7.2). */
export function explainInquiry(data: Uint8Array): Description {
  return describeObject('standard INQUIRY data', parseStandardInquiry(data), INQUIRY_MEANINGS);
}

/** What standard INQUIRY data says, as lines of text. */
export function describeInquiry(data: Uint8Array): string {
  return descriptionText(explainInquiry(data));
}

/** What a VPD page (with its header) says (SPC-5 7.7); bytes of a page that is not known as they are. */
export function explainVpdPage(data: Uint8Array): Description {
  const { pageCode, body, truncated } = parseVpdPage(data);
  const format = VPD_PAGE_FORMATS.find((known) => known.pageCode === pageCode);
  const title = `${vpdPageName(pageCode) ?? 'unknown'} VPD page (${hexCode(pageCode)})`;
  const said =
    format === undefined
      ? { fields: [{ name: 'BYTES', value: hexBytes(body) }], parts: [] }
      : explainData(format, body);
  return { ...said, title, ...(truncated ? { truncated } : {}) };
}

/** What a VPD page (with its header) says, as lines of text. */
export function describeVpdPage(data: Uint8Array): string {
  return descriptionText(explainVpdPage(data));
}

/** What the answer to an INQUIRY command says. */
export function explainInquiryAnswer(data: Uint8Array, cdb: Uint8Array): Description {
  return INQUIRY.decode(cdb).EVPD === 1 ? explainVpdPage(data) : explainInquiry(data);
}
