/** An I_T nexus by the names of its ports, which outlive sessions (T-W2). */
export interface NexusName {
  /** Initiator port name in lower case, e.g. `iqn.…,i,0x00023d000001` (RFC 7143 §2.4.1.1). */
  readonly initiatorPort: string;
  /** Relative target port identifier, 1–65535. */
  readonly relativePort: number;
}

/** The name of a nexus. iSCSI names and the digits of an ISID are the same in upper and in lower case. */
export function nexusName(initiatorPort: string, relativePort: number): NexusName {
  return { initiatorPort: initiatorPort.toLowerCase(), relativePort };
}

/** True when both name the same nexus. */
export function isSameNexus(a: NexusName, b: NexusName): boolean {
  return a.relativePort === b.relativePort && a.initiatorPort === b.initiatorPort;
}
