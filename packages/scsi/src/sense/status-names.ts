/** SAM-5 5.3.1, those too that this device server never answers with. */
const STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'GOOD'],
  [0x02, 'CHECK CONDITION'],
  [0x04, 'CONDITION MET'],
  [0x08, 'BUSY'],
  [0x10, 'INTERMEDIATE'],
  [0x14, 'INTERMEDIATE-CONDITION MET'],
  [0x18, 'RESERVATION CONFLICT'],
  [0x22, 'COMMAND TERMINATED'],
  [0x28, 'TASK SET FULL'],
  [0x30, 'ACA ACTIVE'],
  [0x40, 'TASK ABORTED'],
]);

/** The standard's name of a status, or `status XXh`. */
export function statusName(status: number): string {
  return STATUS_NAMES.get(status) ?? `status ${status.toString(16).toUpperCase().padStart(2, '0')}h`;
}
