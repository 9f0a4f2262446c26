import { parseModePage } from '../mode/mode-pages.ts';
import { ModePageCode, ModeSubpageCode } from '../mode/mode-page-definition.ts';
import { modePageName } from '../mode/mode-page-names.ts';
import {
  parseModeParameters,
  type ModeHeaderSize,
  type ModePage,
  type ParsedModeParameters,
} from '../mode/mode-parameters.ts';
import { parseProvisioningPage } from '../mode/provisioning-mode-page.ts';
import {
  describeObject,
  descriptionText,
  hexBytes,
  MAX_PARTS,
  pageCodeText,
  type Description,
  type Meanings,
} from './description.ts';

/** Fields of the header that every page has, which its title tells. */
const HEADER_FIELDS: ReadonlySet<string> = new Set(['SPF', 'PAGE_CODE', 'SUBPAGE_CODE', 'PAGE_LENGTH']);

const MODE_MEANINGS: Meanings = {
  QUEUE_ALGORITHM_MODIFIER: { 0: 'restricted reordering', 1: 'unrestricted reordering' },
  TST: { 0: 'one task set for all nexuses', 1: 'a task set for each nexus' },
  MRIE: { 0: 'no reporting', 6: 'on request' },
  THRESHOLD_RESOURCE: { 1: 'available', 2: 'used' },
  THRESHOLD_ARMING: { 0: 'decreasing', 1: 'increasing' },
};

/** What the answer to MODE SENSE, or a list of MODE SELECT, of (6) or (10) says (SPC-5 7.5). */
export function explainModePages(size: ModeHeaderSize, data: Uint8Array): Description {
  const parameters = parseModeParameters(size, data);
  const pages = parameters.pages.slice(0, MAX_PARTS).map(explainModePage);
  const more = parameters.pages.length > MAX_PARTS;
  return {
    title: 'mode parameters',
    fields: headerFields(parameters),
    parts: [...blockDescriptor(parameters), ...pages],
    ...(parameters.truncated || more ? { truncated: true } : {}),
  };
}

/** What the answer to MODE SENSE, or a list of MODE SELECT, says, as lines of text. */
export function describeModePages(size: ModeHeaderSize, data: Uint8Array): string {
  return descriptionText(explainModePages(size, data));
}

function headerFields({ deviceSpecific, mediumType, longLba }: ParsedModeParameters): Description['fields'] {
  return [
    { name: 'MEDIUM TYPE', value: mediumType },
    { name: 'WP', value: deviceSpecific >> 7 },
    { name: 'DPOFUA', value: (deviceSpecific >> 4) & 1 },
    { name: 'LONGLBA', value: longLba ? 1 : 0 },
  ];
}

function blockDescriptor({ blockDescriptor: descriptor }: ParsedModeParameters): Description[] {
  return descriptor === undefined ? [] : [describeObject('block descriptor', descriptor)];
}

/** What one mode page says; bytes of a page that is not known as they are. */
function explainModePage({ pageCode, subpageCode, bytes, truncated }: ModePage): Description {
  const parsed = parseModePage(bytes);
  const name = modePageName(pageCode, subpageCode) ?? 'unknown';
  const title = `${name} mode page (${pageCodeText(pageCode, subpageCode)})`;
  const { fields, parts } =
    parsed === undefined
      ? { fields: [{ name: 'BYTES', value: hexBytes(bytes) }], parts: [] }
      : describeObject(title, pageFields(parsed.fields), MODE_MEANINGS);
  const said = isProvisioning(pageCode, subpageCode) ? provisioningOf(bytes) : { fields, parts };
  return { ...said, title, ...(truncated ? { truncated } : {}) };
}

function pageFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !HEADER_FIELDS.has(name)));
}

/** The thresholds, in place of the bytes of their descriptors. */
function provisioningOf(bytes: Uint8Array): Pick<Description, 'fields' | 'parts'> {
  const { singleInitiator, thresholds } = parseProvisioningPage(bytes);
  return {
    fields: [
      { name: 'PS', value: bytes[0]! >> 7 },
      { name: 'SITUA', value: singleInitiator ? 1 : 0 },
    ],
    parts: thresholds.map((threshold, index) =>
      describeObject(`threshold ${index}`, threshold, MODE_MEANINGS),
    ),
  };
}

function isProvisioning(pageCode: number, subpageCode: number): boolean {
  return (
    pageCode === ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL &&
    subpageCode === ModeSubpageCode.LOGICAL_BLOCK_PROVISIONING
  );
}
