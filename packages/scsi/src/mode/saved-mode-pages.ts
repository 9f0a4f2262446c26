import { bytesOfHex, isRecord, UnitStateError } from '../unit/unit-state.ts';
import { meaninglessField, type ModePageDefinition } from './mode-page-definition.ts';

/**
 * The saved values of mode pages, as plain JSON: the bytes of a page in hexadecimal by its page code and subpage code,
 * e.g. `08/00`. Only pages with something that can be changed are there.
 */
export type SavedModePages = Readonly<Record<string, string>>;

const PAGE_NAME = /^[0-9a-f]{2}\/[0-9a-f]{2}$/;

/** True when MODE SELECT can change something of the page, so that there is something to save. */
export function isSaveable({ changeable, subpageCode }: ModePageDefinition): boolean {
  return changeable.subarray(subpageCode === 0 ? 2 : 4).some((byte) => byte !== 0);
}

/** The values of `pages` as they are kept. */
export function savedPages(
  definitions: readonly ModePageDefinition[],
  pages: readonly Uint8Array[],
): SavedModePages {
  const saved: Record<string, string> = {};
  definitions.forEach((definition, index) => {
    if (isSaveable(definition)) saved[nameOf(definition)] = Buffer.from(pages[index]!).toString('hex');
  });
  return saved;
}

/**
 * The pages with the saved values where there are such: what cannot be changed comes from the defaults. Throws a
 * {@link UnitStateError} for anything else than pages of the length that they must have; those that the unit does not
 * have are left alone.
 */
export function restoredPages(definitions: readonly ModePageDefinition[], stored: unknown): Uint8Array[] {
  if (!isRecord(stored) || !Object.keys(stored).every((name) => PAGE_NAME.test(name)))
    throw new UnitStateError('modePages', 'it is no object of mode pages');
  return definitions.map((definition) => {
    const { defaults, changeable, subpageCode } = definition;
    const text = stored[nameOf(definition)];
    if (text === undefined) return defaults;
    const kept = bytesOfHex(text);
    if (kept?.length !== defaults.length)
      throw new UnitStateError('modePages', `page ${nameOf(definition)} is ${JSON.stringify(text)}`);
    const headerBytes = subpageCode === 0 ? 2 : 4;
    const page = defaults.map((byte, at) => {
      const mask = at < headerBytes ? 0 : changeable[at]!;
      return (byte & ~mask) | (kept[at]! & mask);
    });
    const field = meaninglessField(definition, page);
    if (field !== undefined)
      throw new UnitStateError(
        'modePages',
        `the value of ${field} in page ${nameOf(definition)} has no meaning`,
      );
    return page;
  });
}

function nameOf({ pageCode, subpageCode }: ModePageDefinition): string {
  return `${hexByte(pageCode)}/${hexByte(subpageCode)}`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
