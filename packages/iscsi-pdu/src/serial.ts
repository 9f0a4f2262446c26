/**
 * Serial number arithmetic modulo 2³² (RFC 1982, RFC 7143 §4.2.2.1) for CmdSN, StatSN, DataSN and R2TSN.
 * Arguments are unsigned 32-bit integers. Two numbers exactly 2³¹ apart have no order (RFC 1982 §3.2):
 * neither is less than the other.
 */
export function serialLess(a: number, b: number): boolean {
  const distance = (b - a) >>> 0;
  return distance !== 0 && distance < 0x80000000;
}

/** True when `a` equals `b` or comes before it. */
export function serialLessOrEqual(a: number, b: number): boolean {
  return (b - a) >>> 0 < 0x80000000;
}

/** `a + n` modulo 2³²; `n` may be negative. */
export function serialAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}

/** How many steps lead from `from` forward to `to`: 0 to 2³²−1. */
export function serialDistance(from: number, to: number): number {
  return (to - from) >>> 0;
}
