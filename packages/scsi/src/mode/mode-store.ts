import { mapMaybe, RangeLock, type MaybePromise } from '@lunbox/block';
import { whileHeld } from '../media/while-held.ts';
import { invalidParameter } from '../sense/check-condition-error.ts';
import type { KeptState } from '../unit/unit-state.ts';
import {
  meaninglessField,
  ModePageCode,
  ModeSubpageCode,
  PS,
  type DiskGeometry,
  type ModePageDefinition,
} from './mode-page-definition.ts';
import {
  CD_MODE_PAGES,
  MODE_PAGES,
  parseCachingPage,
  parseControlPage,
  reportsThresholds,
} from './mode-pages.ts';
import type { ModePage } from './mode-parameters.ts';
import { parseProvisioningPage, type ProvisioningThresholds } from './provisioning-mode-page.ts';
import { isSaveable, restoredPages, savedPages } from './saved-mode-pages.ts';

/** PC: which values of a page MODE SENSE asks for (SPC-4 table 206). */
export const PageControl = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const;

const NO_THRESHOLDS: ProvisioningThresholds = { singleInitiator: false, thresholds: [] };

/** The current and saved mode pages of a logical unit, and what they mean for it. */
export class ModeStore {
  readonly #disk: DiskGeometry;
  readonly #pages: readonly ModePageDefinition[];
  readonly #kept: KeptState;
  /** Held by a MODE SELECT, which may wait for the store. */
  readonly #selecting = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });
  #saved: readonly Uint8Array[];
  #current: readonly Uint8Array[];
  #writeCacheEnabled = true;
  #descriptorSense = false;
  #softwareWriteProtect = false;
  #applicationTagOwned = false;
  #plainChecksDisabled = false;
  #plainWritesRefused = false;
  #restrictsWrites = false;
  #separateTaskSets = false;
  #queueErrorManagement = 0;
  #attentionInterlock = 0;
  #provisioning = NO_THRESHOLDS;
  #thresholdsEnabled = false;

  /** Throws a `UnitStateError` when the store holds what no unit can have saved. */
  constructor(disk: DiskGeometry, kept: KeptState) {
    this.#disk = disk;
    this.#kept = kept;
    const pages = disk.kind === 'cd-rom' ? CD_MODE_PAGES : MODE_PAGES;
    this.#pages = pages
      .filter((page) => page.needsSpace !== true || disk.tellsSpace)
      .map((page) => {
        const { protectableChangeable } = page;
        if (protectableChangeable === undefined || !disk.protectable) return page;
        return { ...page, changeable: protectableChangeable };
      });
    this.#saved = restoredPages(this.#pages, kept.stored.modePages ?? {});
    this.#current = this.#saved;
    this.#adopt(this.#saved);
  }

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

  /** ATO. */
  get applicationTagOwned(): boolean {
    return this.#applicationTagOwned;
  }

  /** DPICZ. */
  get plainChecksDisabled(): boolean {
    return this.#plainChecksDisabled;
  }

  /** RWWP. */
  get plainWritesRefused(): boolean {
    return this.#plainWritesRefused;
  }

  /** TST: every nexus has a task set of its own. */
  get separateTaskSets(): boolean {
    return this.#separateTaskSets;
  }

  /** QERR. */
  get queueErrorManagement(): number {
    return this.#queueErrorManagement;
  }

  /** UA_INTLCK_CTRL. */
  get attentionInterlock(): number {
    return this.#attentionInterlock;
  }

  /** SWP or RWWP: some writes are refused, or all. */
  get restrictsWrites(): boolean {
    return this.#restrictsWrites;
  }

  /** The thresholds of thin provisioning. */
  get provisioning(): ProvisioningThresholds {
    return this.#provisioning;
  }

  /** True when one of them is enabled, and LBPERE. */
  get thresholdsEnabled(): boolean {
    return this.#thresholdsEnabled;
  }

  /** True when pages can be saved. */
  get canSave(): boolean {
    return this.#kept.canSave;
  }

  /** The values of the pages that a MODE SENSE asks for; undefined when there is no such page or subpage. */
  values(pageControl: number, pageCode: number, subpageCode: number): Uint8Array[] | undefined {
    // T-W5: old Windows asks for page 00h, which is vendor specific, and wants an answer without pages.
    if (pageCode === 0x00 && subpageCode === ModeSubpageCode.NONE) return [];
    const allPages = pageCode === ModePageCode.ALL_PAGES;
    const allSubpages = subpageCode === ModeSubpageCode.ALL_SUBPAGES;
    if (allPages && subpageCode !== ModeSubpageCode.NONE && !allSubpages) return undefined;
    const pages: Uint8Array[] = [];
    this.#pages.forEach((page, index) => {
      if (!allPages && page.pageCode !== pageCode) return;
      if (!allSubpages && page.subpageCode !== subpageCode) return;
      pages.push(this.#shown(page, this.#valuesOf(index, pageControl)));
    });
    return pages.length > 0 ? pages : undefined;
  }

  /**
   * Takes the pages of a MODE SELECT, all or none: throws INVALID FIELD IN PARAMETER LIST at the first byte
   * that is not as it must be. With `save` they are saved first. Returns true when something has changed.
   */
  select(pages: readonly ModePage[], save: boolean): MaybePromise<boolean> {
    return whileHeld(this.#selecting.acquire(0, 1, 'exclusive'), () => {
      const next = [...this.#current];
      for (const page of pages) this.#selectPage(page, next);
      return mapMaybe(save ? this.#save(next) : undefined, () => {
        const changed = next.some((page, index) => Buffer.compare(page, this.#current[index]!) !== 0);
        this.#adopt(next);
        return changed;
      });
    });
  }

  /** Logical unit reset: the pages have their saved values again, the default ones where there are none. */
  reset(): void {
    this.#adopt(this.#saved);
  }

  #save(pages: readonly Uint8Array[]): MaybePromise<void> {
    return mapMaybe(this.#kept.save({ modePages: savedPages(this.#pages, pages) }), () => {
      this.#saved = pages;
    });
  }

  #valuesOf(index: number, pageControl: number): Uint8Array {
    if (pageControl === PageControl.CHANGEABLE) return this.#pages[index]!.changeable;
    if (pageControl === PageControl.DEFAULT)
      return this.#withGeometry(this.#pages[index]!, this.#pages[index]!.defaults);
    const pages = pageControl === PageControl.SAVED ? this.#saved : this.#current;
    return this.#withGeometry(this.#pages[index]!, pages[index]!);
  }

  /** The page with PS where it can be saved. */
  #shown(definition: ModePageDefinition, page: Uint8Array): Uint8Array {
    if (!this.canSave || !isSaveable(definition)) return page;
    const shown = Uint8Array.from(page);
    shown[0]! |= PS;
    return shown;
  }

  #withGeometry(definition: ModePageDefinition, page: Uint8Array): Uint8Array {
    if (definition.geometry === undefined) return page;
    const fields = definition.structure.decode(page);
    return definition.structure.encode({ ...fields, ...definition.geometry(this.#disk) });
  }

  #selectPage(page: ModePage, next: Uint8Array[]): void {
    const index = this.#pages.findIndex(
      (known) => known.pageCode === page.pageCode && known.subpageCode === page.subpageCode,
    );
    const definition = this.#pages[index];
    if (definition === undefined) throw invalidParameter(page.offset, 5);
    const current = this.#withGeometry(definition, next[index]!);
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
    const selected = value.map((byte, at) => {
      const mask = at < headerBytes ? 0 : definition.changeable[at]!;
      return (next[index]![at]! & ~mask) | (byte & mask);
    });
    const meaningless = meaninglessField(definition, selected);
    if (meaningless !== undefined) {
      const { byteOffset, bit } = definition.structure.locate(meaningless);
      throw invalidParameter(page.offset + byteOffset, bit);
    }
    next[index] = selected;
  }

  #adopt(pages: readonly Uint8Array[]): void {
    this.#current = pages;
    const page = (code: number, subpage: number = ModeSubpageCode.NONE): Uint8Array | undefined =>
      pages[this.#pages.findIndex((known) => known.pageCode === code && known.subpageCode === subpage)];
    const caching = page(ModePageCode.CACHING);
    this.#writeCacheEnabled = caching === undefined || parseCachingPage(caching).WCE === 1;
    const control = parseControlPage(page(ModePageCode.CONTROL)!);
    this.#descriptorSense = control.D_SENSE === 1;
    this.#softwareWriteProtect = control.SWP === 1;
    this.#applicationTagOwned = control.ATO === 1;
    this.#plainChecksDisabled = control.DPICZ === 1;
    this.#plainWritesRefused = control.RWWP === 1;
    this.#separateTaskSets = control.TST === 1;
    this.#queueErrorManagement = control.QERR;
    this.#attentionInterlock = control.UA_INTLCK_CTRL;
    this.#restrictsWrites = this.#softwareWriteProtect || this.#plainWritesRefused;
    const { INFORMATIONAL_EXCEPTIONS_CONTROL, READ_WRITE_ERROR_RECOVERY } = ModePageCode;
    const thresholds = page(INFORMATIONAL_EXCEPTIONS_CONTROL, ModeSubpageCode.LOGICAL_BLOCK_PROVISIONING);
    this.#provisioning = thresholds === undefined ? NO_THRESHOLDS : parseProvisioningPage(thresholds);
    this.#thresholdsEnabled =
      reportsThresholds(page(READ_WRITE_ERROR_RECOVERY)!) &&
      this.#provisioning.thresholds.some(({ ENABLED }) => ENABLED === 1);
  }
}
