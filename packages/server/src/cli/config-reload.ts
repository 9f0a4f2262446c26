import { CatalogScanner } from '@lunbox/storage-object';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/schema.ts';
import type { LunOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import type { LunboxServer } from '../server.ts';
import type { AccessWatcher } from './access-watcher.ts';
import { readConfig } from './read-config.ts';
import { settingsFromConfig } from './serve-settings.ts';

/** One difference between a configuration file and the server that runs. */
export interface ConfigChange {
  /** The key, such as `luns` or `limits`. */
  readonly key: string;
  /** What becomes of it, for people. */
  readonly what: string;
  /** `now` without a restart and without a session that ends; or only when the server is started again. */
  readonly when: 'now' | 'restart';
}

/** Keys that can change while the server runs; all others take a restart. */
const LIVE_KEYS: readonly string[] = ['luns', 'directory', 'access', 'allowShortSecrets'];

/** The target that a configuration is about; those of clones stay as they are. */
const TARGET = 0;

/** A running server and the configuration file that it was started with: tells what differs, and makes it so. */
export class ConfigReload {
  readonly #server: LunboxServer;
  readonly #watcher: AccessWatcher;
  /** As far as it takes a restart, the configuration of the start; else the one that was last applied. */
  #config: Config;
  /** The end of what is being applied: one file after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: LunboxServer, watcher: AccessWatcher, config: Config) {
    this.#server = server;
    this.#watcher = watcher;
    this.#config = config;
  }

  /** What applying a file would change. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` for a file that is wrong. */
  async diff(fileName: string): Promise<readonly ConfigChange[]> {
    const config = readConfig(fileName);
    const settings = await settingsFromConfig(config, new CatalogScanner());
    return this.#changes(config, planOf(this.#served, settings.luns));
  }

  /**
   * Makes the server as a file says, as far as that goes without a restart. Sessions stay. When a LUN that is to go is
   * in use, nothing is done, unless `force` is set.
   *
   * Throws a {@link ServerError}, or what opening a container throws; what was done before that is done.
   */
  async apply(
    fileName: string,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<readonly ConfigChange[]> {
    const applied = this.#last.then(() => this.#apply(fileName, force));
    this.#last = applied.catch(() => undefined);
    return await applied;
  }

  async #apply(fileName: string, force: boolean): Promise<readonly ConfigChange[]> {
    const config = readConfig(fileName);
    const settings = await settingsFromConfig(config, new CatalogScanner());
    const plan = planOf(this.#served, settings.luns);
    const changes = this.#changes(config, plan);
    const { live } = this.#server;
    for (const { lun } of plan.going) live.checkDetachable(lun, { force });
    await this.#changeLuns(plan, force);
    if (changes.some(({ key }) => key === 'access')) this.#watcher.replace(settings.readAccess);
    const isNbsLive = onlyUsersDiffer(this.#config.nbs, config.nbs);
    // Also where the list is the same: a file with a password may have changed.
    if (isNbsLive) await this.#server.setNbsUsers(settings.nbs?.users ?? []);
    const isLive = ([key]: [string, unknown]): boolean =>
      LIVE_KEYS.includes(key) || (key === 'nbs' && isNbsLive);
    const kept = Object.entries(this.#config).filter((entry) => !isLive(entry));
    const applied = Object.entries(config).filter(isLive);
    this.#config = Object.fromEntries([...kept, ...applied]);
    return changes;
  }

  get #served(): readonly LunOptions[] {
    return this.#server.live.lunsOf(TARGET);
  }

  #changes(config: Config, plan: LunPlan): ConfigChange[] {
    const keys = [...new Set([...Object.keys(this.#config), ...Object.keys(config)])] as (keyof Config)[];
    const differing = keys.filter((key) => !isDeepStrictEqual(this.#config[key], config[key]));
    const access = differing.some((key) => key === 'access' || key === 'allowShortSecrets');
    const isNbsLive = onlyUsersDiffer(this.#config.nbs, config.nbs);
    return [
      ...plan.going.map((lun): ConfigChange => ({
        key: 'luns',
        what: `${told(lun)} is detached`,
        when: 'now',
      })),
      ...plan.coming.map((lun): ConfigChange => ({
        key: 'luns',
        what: `${told(lun)} is attached`,
        when: 'now',
      })),
      ...(access
        ? [
            {
              key: 'access',
              what: 'who may log in is another list; sessions that are there stay',
              when: 'now',
            } as const,
          ]
        : []),
      ...differing
        .filter((key) => !LIVE_KEYS.includes(key))
        .map((key): ConfigChange =>
          key === 'nbs' && isNbsLive
            ? { key, what: 'its users are others; sessions that are there stay', when: 'now' }
            : { key, what: 'differs; it takes a restart', when: 'restart' },
        ),
    ];
  }

  /** What comes in place of something waits for that to go; something is there all the time. */
  async #changeLuns({ going, coming }: LunPlan, force: boolean): Promise<void> {
    const { live } = this.#server;
    const isFree = ({ lun }: LunOptions): boolean => !going.some((each) => each.lun === lun);
    for (const lun of coming.filter(isFree)) await live.attach(lun, TARGET);
    for (const { lun } of going) await live.detach(lun, { force, evenLast: true, targetIndex: TARGET });
    for (const lun of coming.filter((each) => !isFree(each))) await live.attach(lun, TARGET);
  }
}

/** Whether nothing but the list of users is another one, at most; users are asked for before and after. */
function onlyUsersDiffer(before: Config['nbs'], after: Config['nbs']): boolean {
  if (before === undefined || after === undefined) return false;
  const { users: usersBefore = [], ...restBefore } = before;
  const { users: usersAfter = [], ...restAfter } = after;
  return usersBefore.length > 0 && usersAfter.length > 0 && isDeepStrictEqual(restBefore, restAfter);
}

type Numbered = LunOptions & { readonly lun: number };

/** What has to go and to come for the LUNs of a target to be others. */
interface LunPlan {
  readonly going: readonly Numbered[];
  readonly coming: readonly Numbered[];
}

function planOf(served: readonly LunOptions[], wanted: readonly LunOptions[]): LunPlan {
  const [before, after] = [served.map(lasting), wanted.map(lasting)];
  const isIn = (list: readonly Numbered[], lun: Numbered): boolean =>
    list.some((each) => isDeepStrictEqual(each, lun));
  return {
    going: before.filter((lun) => !isIn(after, lun)),
    coming: after.filter((lun) => !isIn(before, lun)),
  };
}

/** What a LUN is, without what is done once when it is opened; what goes without saying is said. */
function lasting(lun: LunOptions): Numbered {
  const { forgetState, ...rest } = lun as Numbered & { readonly forgetState?: boolean };
  const usual = { foreign: 'new-identity', readOnly: false, removable: false } as const;
  return 'path' in rest ? { ...usual, ...rest } : rest;
}

function told(lun: Numbered): string {
  const name = 'path' in lun ? lun.path : 'image' in lun ? lun.image : 'a device';
  return `LUN ${lun.lun} (${name})`;
}

/** Throws a {@link ServerError} unless the server has a configuration file. */
export function reloadOf(reload: ConfigReload | undefined): ConfigReload {
  if (reload !== undefined) return reload;
  throw new ServerError('SERVER_WRONG_STATE', 'the server was not started with --config');
}
