import { NbsClientError, type Fields, type NbsClient } from '@lunbox/nbs';
import type { TakenSnapshot } from './consistent-snapshot.ts';
import { ManagerError } from './manager-error.ts';

/** Some objects that are open on a server, for their snapshots; nothing is read or written. */
export class ObjectHandles {
  readonly #client: NbsClient;
  readonly #names: readonly string[];
  readonly #handles: readonly number[];

  private constructor(client: NbsClient, names: readonly string[], handles: readonly number[]) {
    this.#client = client;
    this.#names = names;
    this.#handles = handles;
  }

  /** Opens all of them. Throws a ManagerError `MANAGER_REFUSED`. */
  static async open(client: NbsClient, names: readonly string[]): Promise<ObjectHandles> {
    const handles: number[] = [];
    const opened = new ObjectHandles(client, names, handles);
    try {
      for (const name of names) {
        const { fields } = await refusing(`open ${name}`, () =>
          client.request('OPEN', { fields: { name, readOnly: true, shared: true } }),
        );
        handles.push(fields.handle!);
      }
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** From now on the server asks for silence before it takes snapshots. Throws a ManagerError `MANAGER_REFUSED`. */
  async subscribe(): Promise<void> {
    for (const [index, handle] of this.#handles.entries())
      await refusing(`subscribe to ${this.#names[index]}`, () =>
        this.#client.request('QUIESCE_SUBSCRIBE', { handle }),
      );
  }

  /** True when one of these is among them. */
  hasAny(handles: readonly number[]): boolean {
    return this.#handles.some((handle) => handles.includes(handle));
  }

  /** Takes a snapshot of all of them at one instant. Throws what the client throws. */
  async snapshot(wish: Fields): Promise<readonly TakenSnapshot[]> {
    const [only] = this.#handles;
    const { fields } =
      this.#handles.length === 1
        ? await this.#client.request('SNAPSHOT_CREATE', { handle: only!, fields: wish })
        : await this.#client.request('GROUP_SNAPSHOT', {
            fields: { ...wish, object: this.#handles.map((handle) => ({ handle })) },
          });
    return (fields.snapshot ?? []).map(({ name = '', uuid = '' }, index) => ({
      object: this.#names[index]!,
      name,
      id: uuid,
    }));
  }

  /** Deletes snapshots, in the order of the objects. Throws a ManagerError `MANAGER_REFUSED`. */
  async delete(snapshots: readonly TakenSnapshot[]): Promise<void> {
    for (const [index, { name, id }] of snapshots.entries())
      await refusing(`delete the snapshot ${name}`, () =>
        this.#client.request('SNAPSHOT_DELETE', {
          handle: this.#handles[index]!,
          fields: { snapshotName: id },
        }),
      );
  }

  /** Brings every object back to its snapshot of this name. Throws a ManagerError `MANAGER_REFUSED`. */
  async restore(snapshotName: string, force: boolean): Promise<readonly string[]> {
    const safeties: string[] = [];
    for (const [index, handle] of this.#handles.entries()) {
      const { fields } = await refusing(
        `restore ${this.#names[index]}${alreadyDone(this.#names, index)}`,
        () =>
          this.#client.request('SNAPSHOT_RESTORE', {
            handle,
            fields: { snapshotName, ...(force ? { force } : {}) },
          }),
      );
      safeties.push(fields.safety ?? '');
    }
    return safeties;
  }

  /** Makes disks of the snapshots of this name, one after the other. Throws a ManagerError `MANAGER_REFUSED`. */
  async clone(snapshotName: string, cloneNames: readonly string[]): Promise<readonly Fields[]> {
    const clones: Fields[] = [];
    for (const [index, handle] of this.#handles.entries()) {
      const name = cloneNames[index]!;
      const made = cloneNames.slice(0, index);
      const what = `clone ${this.#names[index]}${made.length === 0 ? '' : ` (made already: ${made.join(', ')})`}`;
      const { fields } = await refusing(what, () =>
        this.#client.request('SNAPSHOT_CLONE', { handle, fields: { snapshotName, name } }),
      );
      clones.push(fields.object?.[0] ?? { name });
    }
    return clones;
  }

  /** Throws a ManagerError `MANAGER_REFUSED` unless all of them have a snapshot of this name or identity. */
  async checkThere(snapshotName: string): Promise<void> {
    for (const [index, snapshots] of (await this.list()).entries()) {
      if (snapshots.some(({ name, uuid }) => name === snapshotName || uuid === snapshotName)) continue;
      const message = `${this.#names[index]} has no snapshot ${snapshotName}; nothing was done`;
      throw new ManagerError('MANAGER_REFUSED', message);
    }
  }

  /** The snapshots of each object, oldest first. Throws a ManagerError `MANAGER_REFUSED`. */
  async list(): Promise<readonly (readonly Fields[])[]> {
    const all: (readonly Fields[])[] = [];
    for (const handle of this.#handles) {
      const { fields } = await refusing('list snapshots', () =>
        this.#client.request('SNAPSHOT_LIST', { handle }),
      );
      all.push(fields.snapshot ?? []);
    }
    return all;
  }

  /** Closes them. */
  async close(): Promise<void> {
    for (const handle of this.#handles)
      await this.#client.request('CLOSE', { handle }).catch((error: unknown) => {
        if (!(error instanceof NbsClientError)) throw error;
      });
  }
}

/** Which objects of a group were restored before one that was not, for people. */
function alreadyDone(names: readonly string[], count: number): string {
  return count === 0 ? '' : ` (restored already: ${names.slice(0, count).join(', ')})`;
}

/** Does something that the server may refuse. */
export async function refusing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NbsClientError)) throw error;
    throw new ManagerError('MANAGER_REFUSED', `cannot ${what}: ${error.message}`, { cause: error });
  }
}
