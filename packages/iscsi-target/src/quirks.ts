/** Where an initiator needs an answer that the RFC would not give. */
export interface Quirks {
  /**
   * ABORT TASK of a command that has just finished answers "function complete". ESXi takes "task does not exist",
   * which RFC 7143 §11.6.1 c) demands, for a lost target and resets it (T-V2).
   */
  readonly abortOfFinishedTaskCompletes: boolean;
}

const NONE: Quirks = { abortOfFinishedTaskCompletes: false };

/** Quirks by the beginning of the initiator's name. */
const BY_PREFIX: readonly (readonly [string, Quirks])[] = [
  ['iqn.1998-01.com.vmware:', { abortOfFinishedTaskCompletes: true }],
];

/** The quirks of an initiator. */
export function quirksOf(initiatorName: string): Quirks {
  return BY_PREFIX.find(([prefix]) => initiatorName.startsWith(prefix))?.[1] ?? NONE;
}
