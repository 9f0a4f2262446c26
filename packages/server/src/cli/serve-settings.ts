import type { AccessEntry, ChapAlgorithm, TargetLimits } from '@lunbox/iscsi-target';
import type { CatalogScanner } from '@lunbox/storage-object';
import type { Config, LunConfig, PortalConfig } from '../config/schema.ts';
import type { NbdOptions } from '../nbd/nbd-front.ts';
import type { NbsOptions } from '../nbs/nbs-options.ts';
import { numberLuns } from '../lun-numbers.ts';
import type { LunOptions, ServedPortalOptions } from '../options.ts';
import { accessEntries } from './access-file.ts';
import { loadAccess } from './access-flags.ts';
import { nbdFromConfig, nbsFromConfig, tlsFromConfig } from './front-settings.ts';
import { limitsFromFlags } from './limit-flags.ts';
import { DISC_IMAGE, lunsFromFlags } from './lun-flags.ts';
import { nbdFromFlags, nbsFromFlags } from './nbs-flags.ts';
import { portalsFromFlags } from './portal-flags.ts';
import { CHAP_NAMES, DEFAULT_CAPTURE_BYTES, type ServeFlags } from './serve-flags.ts';
import type { SourceFiles } from './source-files.ts';
import { disksToServe } from './storage-directory.ts';

/** What `lunbox serve` goes by, whether flags or a configuration file say it. */
export interface ServeSettings {
  readonly iqn?: string;
  readonly luns: readonly LunOptions[];
  readonly portals?: readonly ServedPortalOptions[];
  readonly nbd?: NbdOptions;
  readonly nbs?: NbsOptions;
  readonly advertise?: readonly string[];
  readonly minimumChapAlgorithm?: ChapAlgorithm;
  readonly limits: Partial<TargetLimits>;
  readonly allowUnauthenticated: boolean;
  /** CHAP name of all initiators, where they have one and the same. */
  readonly chapUser?: string;
  /** Where `lunbox control` reaches the server. */
  readonly control?: string;
  readonly capture?: { readonly maxAgeMs: number; readonly maxBytes: number };
  /** Who may log in, from files that are read now through `files`. */
  readonly readAccess: (files: SourceFiles) => AccessEntry[];
}

/** The settings that flags ask for. Throws a `ServerError` `SERVER_BAD_OPTIONS`. */
export async function settingsFromFlags(
  paths: readonly string[],
  flags: ServeFlags,
  scanner: CatalogScanner,
): Promise<ServeSettings> {
  const { advertise, iqn, chapMinimum, chapUser, control, captureSeconds, captureSize, limit = [] } = flags;
  const portals = portalsFromFlags(flags);
  const nbs = nbsFromFlags(flags);
  const nbd = nbdFromFlags(flags);
  return {
    luns: lunsFromFlags(await disksToServe(paths, flags, scanner), flags),
    ...(iqn === undefined ? {} : { iqn }),
    ...(portals ? { portals } : {}),
    ...(nbs ? { nbs } : {}),
    ...(nbd ? { nbd } : {}),
    ...(advertise ? { advertise } : {}),
    ...minimumChap(chapMinimum),
    ...(chapUser === undefined ? {} : { chapUser }),
    ...(control === undefined ? {} : { control }),
    ...(captureSeconds === undefined
      ? {}
      : { capture: { maxAgeMs: captureSeconds * 1000, maxBytes: captureSize } }),
    limits: { requireDigests: flags.requireDigests ?? false, ...limitsFromFlags(limit) },
    allowUnauthenticated: !flags.auth,
    readAccess: (files) => loadAccess(flags, files),
  };
}

/** The settings that a checked configuration asks for. Throws a `ServerError` `SERVER_BAD_OPTIONS`. */
export async function settingsFromConfig(config: Config, scanner: CatalogScanner): Promise<ServeSettings> {
  const { access = [], capture, control, directory, iqn, luns, portals } = config;
  const { allowShortSecrets: allowShort = false, requireDigests = false } = config;
  return {
    luns:
      directory === undefined
        ? lunsFromConfig(luns ?? [])
        : lunsFromFlags(await disksToServe([directory], {}, scanner), {}),
    ...(iqn === undefined ? {} : { iqn }),
    ...(portals ? { portals: portals.map(portalFromConfig) } : {}),
    ...(config.nbs ? { nbs: nbsFromConfig(config.nbs) } : {}),
    ...(config.nbd ? { nbd: nbdFromConfig(config.nbd) } : {}),
    ...minimumChap(config.chapMinimum),
    ...(control === undefined ? {} : { control }),
    ...(capture
      ? { capture: { maxAgeMs: capture.maxAge, maxBytes: capture.maxSize ?? DEFAULT_CAPTURE_BYTES } }
      : {}),
    limits: { requireDigests, ...config.limits },
    allowUnauthenticated: config.allowUnauthenticated ?? false,
    readAccess: (files) => accessEntries(access, '', { files, allowShort }),
  };
}

function minimumChap(name = ''): { minimumChapAlgorithm?: ChapAlgorithm } {
  const minimumChapAlgorithm = CHAP_NAMES[name];
  return minimumChapAlgorithm === undefined ? {} : { minimumChapAlgorithm };
}

function lunsFromConfig(luns: readonly LunConfig[]): LunOptions[] {
  const numbers = numberLuns(luns.map(({ file: name, lun }) => ({ name, lun })));
  return luns.map((wish, index): LunOptions => {
    const { file: path, readOnly = false, removable = false, backgroundRate } = wish;
    const lun = numbers[index]!;
    if (DISC_IMAGE.test(path)) return { image: path, lun };
    return {
      path,
      lun,
      foreign: wish.keepIdentity === true ? 'keep-identity' : 'new-identity',
      ...(wish.forgetState === true ? { forgetState: true } : {}),
      readOnly,
      removable,
      ...(wish.writeSameRest === true ? ({ writeSameZero: 'rest' } as const) : {}),
      ...(backgroundRate === undefined ? {} : { backgroundBytesPerSecond: backgroundRate }),
    };
  });
}

function portalFromConfig({ address, tag, advertise, tls }: PortalConfig): ServedPortalOptions {
  return {
    portal: address,
    ...(tag === undefined ? {} : { tag }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(tls ? { tls: tlsFromConfig(tls) } : {}),
  };
}
