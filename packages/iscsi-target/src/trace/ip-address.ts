/** The 4 or 16 bytes of an IP address; an address that is none becomes 0.0.0.0. */
export function addressBytes(text: string): Uint8Array {
  const address = text.replace(/%.*$/, '');
  if (address.includes(':')) return ipv6Bytes(address);
  const parts = address.split('.').map(Number);
  return Uint8Array.from({ length: 4 }, (_, index) => parts[index] ?? 0);
}

/** `1:2::8` in 16 bytes (RFC 4291 §2.2); an IPv4 tail becomes the last two groups. */
function ipv6Bytes(address: string): Uint8Array {
  const [head = '', tail] = groupsOnly(address).split('::');
  const front = groups(head);
  const back = groups(tail ?? '');
  const missing = Math.max(0, 8 - front.length - back.length);
  const all = [...front, ...Array.from({ length: missing }, () => 0), ...back].slice(0, 8);
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOnly(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}
