import type { Fields } from '../codec/tlv.ts';
import type { ObjectDescription, ObjectPermissions } from './service.ts';

/** An object as the TLV `object` tells of it. */
export function objectFields(object: ObjectDescription): Fields {
  const { name, uuid, sizeBytes, blockSize, readOnly, fileName, lun, targetName, permissions } = object;
  const { description, portals = [] } = object;
  return {
    name,
    uuid,
    sizeBytes,
    blockSize,
    ...(readOnly ? { readOnly } : {}),
    ...(fileName === undefined ? {} : { fileName }),
    ...(lun === undefined ? {} : { lun }),
    ...(targetName === undefined ? {} : { targetName }),
    permission: permissionNames(permissions),
    ...(description === undefined ? {} : { description }),
    ...(portals.length === 0 ? {} : { portal: portals.map(({ address, port }) => ({ address, port })) }),
  };
}

function permissionNames(permissions: ObjectPermissions): string[] {
  const names = ['write', 'snapshot', 'replicate', 'admin'] as const;
  return ['read', ...names.filter((name) => permissions[name])];
}
