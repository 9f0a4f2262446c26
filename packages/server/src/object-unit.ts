import { BlockError, mediumError, type BlockDevice } from '@lunbox/block';
import type { LogicalUnitOptions, MediumStateStore, UnitState, UnitStateStore } from '@lunbox/scsi';
import { ContainerError, type StorageObject } from '@lunbox/storage-object';

/** The parts of a unit's state; each is an attribute of its storage object, under the same name. */
const STATE_PARTS = [
  'reservations',
  'modePages',
  'identifyingInformation',
] as const satisfies readonly (keyof UnitState)[];

/**
 * The logical unit that a storage object is: what it stores, what it is called, and what goes with it.
 *
 * @param device the disk of the object, perhaps with protection information
 */
export function objectUnit(object: StorageObject, device: BlockDevice): LogicalUnitOptions {
  const { identity, attributes } = object;
  const { physicalBlockBytes, inquiry } = attributes;
  return {
    ...inquiry,
    ...(physicalBlockBytes === undefined ? {} : { physicalBlockBytes }),
    device,
    identity,
    stateStore: objectStore(object),
    mediumStateStore: mediumStore(object),
    space: () => object.space(),
  };
}

/** Drops the state that the object holds: reservations that nobody can release any more, or what cannot be read. */
export async function forgetState(object: StorageObject): Promise<void> {
  await object.updateAttributes(Object.fromEntries(STATE_PARTS.map((part) => [part, undefined])));
}

/** Keeps the state of a unit in the attributes of its object, which are durable when they have been updated. */
function objectStore(object: StorageObject): UnitStateStore {
  const load = (): UnitState => {
    const { attributes } = object;
    return Object.fromEntries(STATE_PARTS.map((part) => [part, attributes[part]]));
  };
  if (object.device.readOnly) return { load };
  return {
    load,
    save: (change) => object.updateAttributes({ ...change }).catch(notSaved),
  };
}

/** Keeps in the same way which operation on the whole disk has not ended well. */
function mediumStore(object: StorageObject): MediumStateStore {
  const load = (): unknown => object.attributes.unfinishedOperations;
  if (object.device.readOnly) return { load };
  return {
    load,
    save: (state) => {
      const unfinishedOperations = Object.keys(state).length === 0 ? undefined : state;
      return object.updateAttributes({ unfinishedOperations }).catch(notSaved);
    },
  };
}

/** What the unit has to know of a failure; one that is no failure of the file is a mistake of ours. */
function notSaved(error: unknown): never {
  if (!(error instanceof ContainerError)) throw error;
  const { code, message, data } = error;
  if (code === 'CONTAINER_ATTRIBUTES_FULL') throw new BlockError('BLOCK_NO_SPACE', message, {}, error);
  if (code === 'CONTAINER_IO') throw mediumError('save the state of the unit', data.cause);
  throw error;
}
