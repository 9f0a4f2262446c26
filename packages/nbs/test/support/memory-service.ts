import { MemoryDevice, type BlockDevice } from '@lunbox/block';
import {
  NbsRefusal,
  type Fields,
  type NbsService,
  type ObjectDescription,
  type OpenObject,
  type PreparedGroup,
  type SnapshotWish,
} from '../../src/index.ts';

/** The identity of the first group that {@link MemoryService} prepares; the next ones count up. */
export const GROUP_ID = '33333333-3333-4333-8333-333333333333';

/** An object of {@link MemoryService}. */
export interface MemoryObject {
  readonly name: string;
  readonly uuid: string;
  readonly device: BlockDevice;
  /** Users who may see it; everybody when left out. */
  readonly users?: readonly string[];
  readonly permissions?: Partial<ObjectDescription['permissions']>;
}

const ALL = { write: true, snapshot: true, replicate: true, admin: true };

/** A device that its opener may close, while the object stays. */
function borrowed(device: BlockDevice): BlockDevice {
  return new Proxy(device, {
    get(target, property) {
      if (property === 'close') return () => target.flush();
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? (value as (...values: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** Objects in memory, with snapshots that are whole copies. */
export class MemoryService implements NbsService {
  readonly objects: readonly MemoryObject[];
  /** How many snapshots of each name were taken: nothing may be done twice. */
  readonly taken = new Map<string, number>();
  /** The level that the newest snapshot of each name was taken with. */
  readonly levels = new Map<string, string | undefined>();
  /** Snapshots that objects were brought back to. */
  readonly restored: string[] = [];
  /** Where clones are; there are none without it. */
  cloneTarget: Pick<ObjectDescription, 'targetName' | 'lun' | 'portals'> | undefined;
  /** Prepared groups about which nothing was decided yet. */
  readonly undecided = new Set<string>();
  #preparedCount = 0;
  readonly #listeners = new Set<(snapshot: Fields) => void>();
  /** Extra turns before a snapshot is taken. */
  delay: () => Promise<void> = () => Promise.resolve();

  constructor(objects: readonly MemoryObject[]) {
    this.objects = objects;
  }

  list(user: string | undefined): readonly ObjectDescription[] {
    return this.#seen(user).map((object) => describe(object));
  }

  open({ name, user }: Parameters<NbsService['open']>[0]): OpenObject {
    const object = this.#seen(user).find((each) => name === '' || each.name === name || each.uuid === name);
    if (object === undefined) throw new NbsRefusal('NOENT', `there is no ${name}`);
    const { device } = object;
    return {
      device: borrowed(device),
      describe: () => describe(object),
      compareAndWrite: async (expected, data, offset, { fua }) => {
        const found = new Uint8Array(expected.length);
        await device.read([found], offset);
        const differsAt = found.findIndex((byte, index) => byte !== expected[index]);
        if (differsAt >= 0) return { matched: false, differsAt };
        await device.write([data], offset, { fua });
        return { matched: true, differsAt: 0 };
      },
      snapshots: this.#snapshots(),
    };
  }

  async prepareGroup(
    objects: readonly OpenObject[],
    { name = 'unnamed' }: SnapshotWish,
  ): Promise<PreparedGroup> {
    await this.delay();
    const uuid = GROUP_ID.slice(0, -4) + (0x3333 + this.#preparedCount++).toString(16).padStart(4, '0');
    this.undecided.add(uuid);
    const decide = (): void => {
      if (!this.undecided.delete(uuid)) throw new Error(`group ${uuid} was decided about twice`);
    };
    return {
      uuid,
      commit: async () => {
        decide();
        return await Promise.all(objects.map(({ snapshots }) => snapshots!.create({ name })));
      },
      abort: async () => decide(),
    };
  }

  #seen(user: string | undefined): MemoryObject[] {
    return this.objects.filter(
      ({ users }) => users === undefined || (user !== undefined && users.includes(user)),
    );
  }

  #snapshots(): NonNullable<OpenObject['snapshots']> {
    const uuidOf = (name: string): string =>
      `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}`;
    const told = (name: string): Fields => ({
      name,
      uuid: uuidOf(name),
      createdMs: 1,
      level: this.levels.get(name) ?? 'crash',
    });
    const find = (snapshot: string): string => {
      const found = [...this.taken.keys()].find((name) => name === snapshot || uuidOf(name) === snapshot);
      if (found === undefined) throw new NbsRefusal('NOENT', `there is no snapshot ${snapshot}`);
      return found;
    };
    const not = (): Promise<never> => Promise.reject(new NbsRefusal('NOTSUP', 'not in memory'));
    return {
      list: async () => [...this.taken.keys()].map(told),
      create: async ({ name = 'unnamed', level }) => {
        await this.delay();
        this.taken.set(name, (this.taken.get(name) ?? 0) + 1);
        this.levels.set(name, level);
        for (const listener of this.#listeners) listener(told(name));
        return told(name);
      },
      delete: async (snapshot) => void this.taken.delete(find(snapshot)),
      rename: not,
      hold: not,
      release: not,
      bookmark: not,
      refresh: not,
      restore: async (snapshot) => {
        this.restored.push(find(snapshot));
        return `before ${snapshot}`;
      },
      clone: async (snapshot, name) => {
        find(snapshot);
        if (this.cloneTarget === undefined) throw new NbsRefusal('NOTSUP', 'it makes no clones');
        return { ...describe(this.objects[0]!), name, ...this.cloneTarget };
      },
      onTaken: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      async *changes() {
        for (let index = 0; index < 2000; index++) yield { offset: index * 1024, length: 512 };
      },
    };
  }
}

function describe({ name, uuid, device, permissions }: MemoryObject): ObjectDescription {
  const { size: sizeBytes, blockSize, readOnly } = device;
  return { name, uuid, sizeBytes, blockSize, readOnly, permissions: { ...ALL, ...permissions } };
}

/** One object of memory named `disk`. */
export function oneDisk(sizeBytes: number = 1 << 20, more: Partial<MemoryObject> = {}): MemoryService {
  const device = new MemoryDevice({ size: sizeBytes });
  return new MemoryService([{ name: 'disk', uuid: '11111111-1111-4111-8111-111111111111', device, ...more }]);
}
