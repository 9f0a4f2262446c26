/** Types of persistent reservations (SPC-4 table 205). */
export const ReservationType = {
  WRITE_EXCLUSIVE: 0x1,
  EXCLUSIVE_ACCESS: 0x3,
  WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 0x5,
  EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 0x6,
  WRITE_EXCLUSIVE_ALL_REGISTRANTS: 0x7,
  EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 0x8,
} as const;

/** What a type keeps from whom. */
export interface ReservationRules {
  /** `write`: others may read; `access`: they may not. */
  readonly exclusive: 'write' | 'access';
  /** Who is not affected: the nexus that reserved, or every registered one. */
  readonly allowed: 'holder' | 'registrants';
  /** Every registered nexus is a holder, and the last one to go releases the reservation. */
  readonly allHold: boolean;
  /** The bit of the type in the PERSISTENT RESERVATION TYPE MASK (SPC-4 table 209). */
  readonly typeMask: number;
}

/** The rules of each type by its code. */
export const RESERVATION_RULES: ReadonlyMap<number, ReservationRules> = new Map([
  [
    ReservationType.WRITE_EXCLUSIVE,
    { exclusive: 'write', allowed: 'holder', allHold: false, typeMask: 0x0200 },
  ],
  [
    ReservationType.EXCLUSIVE_ACCESS,
    { exclusive: 'access', allowed: 'holder', allHold: false, typeMask: 0x0800 },
  ],
  [
    ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
    { exclusive: 'write', allowed: 'registrants', allHold: false, typeMask: 0x2000 },
  ],
  [
    ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY,
    { exclusive: 'access', allowed: 'registrants', allHold: false, typeMask: 0x4000 },
  ],
  [
    ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
    { exclusive: 'write', allowed: 'registrants', allHold: true, typeMask: 0x8000 },
  ],
  [
    ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS,
    { exclusive: 'access', allowed: 'registrants', allHold: true, typeMask: 0x0001 },
  ],
]);

/** The rules of a type that is known to exist. */
export function reservationRules(type: number): ReservationRules {
  const rules = RESERVATION_RULES.get(type);
  if (rules === undefined) throw new RangeError(`no reservation type ${type}`);
  return rules;
}
