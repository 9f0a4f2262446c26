import { invalidParameter } from '../sense/check-condition-error.ts';
import {
  MODE_PAGES,
  ModePageCode,
  ModeSubpageCode,
  parseCachingPage,
  parseControlPage,
} from './mode-pages.ts';
import type { ModePage } from './mode-parameters.ts';

/** PC: which values of a page MODE SENSE asks for (SPC-4 table 206). */
export const PageControl = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const;

/** The current mode pages of a logical unit, and what they mean for it. */
export class ModeStore {
  #current: Uint8Array[] = MODE_PAGES.map((page) => page.defaults);
  #writeCacheEnabled = true;
  #descriptorSense = false;
  #softwareWriteProtect = false;

  /** WCE: without it every write goes through to the medium. */
  get writeCacheEnabled(): boolean {
    return this.#writeCacheEnabled;
  }

  /** D_SENSE. */
  get descriptorSense(): boolean {
    return this.#descriptorSense;
  }

  /** SWP. */
  get softwareWriteProtect(): boolean {
    return this.#softwareWriteProtect;
  }

  /** The values of the pages that a MODE SENSE asks for; undefined when there is no such page or subpage. */
  values(pageControl: number, pageCode: number, subpageCode: number): Uint8Array[] | undefined {
    // T-W5: old Windows asks for page 00h, which is vendor specific, and wants an answer without pages.
    if (pageCode === 0x00 && subpageCode === ModeSubpageCode.NONE) return [];
    const allPages = pageCode === ModePageCode.ALL_PAGES;
    const allSubpages = subpageCode === ModeSubpageCode.ALL_SUBPAGES;
    const pages: Uint8Array[] = [];
    MODE_PAGES.forEach((page, index) => {
      if (!allPages && page.pageCode !== pageCode) return;
      if (!allSubpages && page.subpageCode !== subpageCode) return;
      if (pageControl === PageControl.CHANGEABLE) pages.push(page.changeable);
      else if (pageControl === PageControl.DEFAULT) pages.push(page.defaults);
      else pages.push(this.#current[index]!);
    });
    if (allPages && subpageCode !== ModeSubpageCode.NONE && !allSubpages) return undefined;
    return pages.length > 0 ? pages : undefined;
  }

  /**
   * Takes the pages of a MODE SELECT, all or none: throws INVALID FIELD IN PARAMETER LIST at the first byte
   * that is not as it must be. Returns true when something has changed.
   */
  select(pages: readonly ModePage[]): boolean {
    const next = [...this.#current];
    for (const page of pages) this.#selectPage(page, next);
    const changed = next.some((page, index) => Buffer.compare(page, this.#current[index]!) !== 0);
    this.#adopt(next);
    return changed;
  }

  /** Logical unit reset: the pages have their default values again (SPC-4 5.13, no saved values). */
  reset(): void {
    this.#adopt(MODE_PAGES.map((page) => page.defaults));
  }

  #selectPage(page: ModePage, next: Uint8Array[]): void {
    const index = MODE_PAGES.findIndex(
      (known) => known.pageCode === page.pageCode && known.subpageCode === page.subpageCode,
    );
    const definition = MODE_PAGES[index];
    const current = next[index];
    if (definition === undefined || current === undefined) throw invalidParameter(page.offset, 5);
    if (page.bytes.length !== current.length) throw invalidParameter(page.offset + 1);
    const value = Uint8Array.from(page.bytes);
    // PS is reserved in MODE SELECT (SPC-4 7.5.4); initiators send back what MODE SENSE gave them.
    value[0] = current[0]!;
    const headerBytes = page.subpageCode === ModeSubpageCode.NONE ? 2 : 4;
    value.forEach((byte, at) => {
      const changeable = at < headerBytes ? 0 : definition.changeable[at]!;
      const refused = (byte ^ current[at]!) & ~changeable;
      if (refused !== 0) throw invalidParameter(page.offset + at, 31 - Math.clz32(refused));
    });
    next[index] = value;
  }

  #adopt(pages: Uint8Array[]): void {
    this.#current = pages;
    const page = (code: number): Uint8Array =>
      pages[MODE_PAGES.findIndex((known) => known.pageCode === code)]!;
    this.#writeCacheEnabled = parseCachingPage(page(ModePageCode.CACHING)).WCE === 1;
    const control = parseControlPage(page(ModePageCode.CONTROL));
    this.#descriptorSense = control.D_SENSE === 1;
    this.#softwareWriteProtect = control.SWP === 1;
  }
}
