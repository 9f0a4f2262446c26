import type { MaybePromise } from '@lunbox/block';
import type { ModePageDefinition } from './mode-page-definition.ts';

/**
 * The saved values of mode pages, as plain JSON: the bytes of a page in hexadecimal by its page code and subpage code,
 * e.g. `08/00`. Only pages with something that can be changed are there.
 */
export type SavedModePages = Readonly<Record<string, string>>;

/** Where a unit keeps the saved values of its mode pages (SP of MODE SELECT). */
export interface ModePageStore {
  /** What was saved last; undefined when nothing was. Called once, when the unit is made. */
  load(): SavedModePages | undefined;
  /**
   * Keeps `pages` in place of what was kept before. It completes when that is on stable storage, as MODE SELECT is
   * answered then. Calls never overlap. A failure is that of the command, which changes nothing.
   */
  save(pages: SavedModePages): MaybePromise<void>;
}

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
 * The pages with the saved values where there are such: what cannot be changed comes from the defaults. A RangeError
 * says that a saved page does not have the length of its page.
 */
export function restoredPages(
  definitions: readonly ModePageDefinition[],
  saved: SavedModePages,
): Uint8Array[] {
  return definitions.map((definition) => {
    const { defaults, changeable, subpageCode } = definition;
    const text = saved[nameOf(definition)];
    if (text === undefined) return defaults;
    const kept = Buffer.from(text, 'hex');
    if (kept.length !== defaults.length)
      throw new RangeError(`saved mode page ${nameOf(definition)}: ${text}`);
    const headerBytes = subpageCode === 0 ? 2 : 4;
    return defaults.map((byte, at) => {
      const mask = at < headerBytes ? 0 : changeable[at]!;
      return (byte & ~mask) | (kept[at]! & mask);
    });
  });
}

function nameOf({ pageCode, subpageCode }: ModePageDefinition): string {
  return `${hexByte(pageCode)}/${hexByte(subpageCode)}`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
