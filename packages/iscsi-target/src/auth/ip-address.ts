/** An IPv4 address in 4 bytes or an IPv6 address in 16; undefined when the text is neither. */
export function parseAddress(text: string): Uint8Array | undefined {
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  if (!bare.includes(':')) return parseIpv4(bare);
  const bytes = parseIpv6(bare);
  return bytes !== undefined && isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** True when the address is one that only programs of this machine use. */
export function isLoopbackAddress(text: string): boolean {
  const bytes = parseAddress(text);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/** Addresses that share their first bits: `10.0.0.0/8`, `fe80::/10`, or one address alone. */
export class AddressRange {
  readonly #network: Uint8Array;
  readonly #prefixBits: number;

  private constructor(network: Uint8Array, prefixBits: number) {
    this.#network = network;
    this.#prefixBits = prefixBits;
  }

  /** Reads CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3); undefined when the text is none. */
  static parse(text: string): AddressRange | undefined {
    const [address = '', prefix, ...rest] = text.split('/');
    const network = parseAddress(address);
    if (network === undefined || rest.length > 0) return undefined;
    const bits = network.length * 8;
    if (prefix === undefined) return new AddressRange(network, bits);
    // A prefix of the 128 bits of a mapped address counts the 96 bits before the IPv4 address too.
    const length = Number(prefix) - (network.length === 4 && address.includes(':') ? 96 : 0);
    if (!/^\d{1,3}$/.test(prefix) || length < 0 || length > bits) return undefined;
    return new AddressRange(network, length);
  }

  /** True when the address is one of the range. */
  includes(address: string): boolean {
    const bytes = parseAddress(address);
    if (bytes === undefined || bytes.length !== this.#network.length) return false;
    return bytes.every((byte, index) => {
      const bits = Math.min(8, Math.max(0, this.#prefixBits - index * 8));
      const mask = (0xff00 >> bits) & 0xff;
      return (byte & mask) === ((this.#network[index] as number) & mask);
    });
  }
}

function parseIpv4(text: string): Uint8Array | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const numbers = text.split('.').map(Number);
  return numbers.every((number) => number <= 255) ? Uint8Array.from(numbers) : undefined;
}

/** RFC 4291 §2.2: groups of 16 bits, one run of zeroes as `::`, the last 32 bits perhaps as IPv4. */
function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::').map(parseGroups);
  const [head, tail] = halves;
  if (halves.length > 2 || head === undefined || halves.includes(undefined)) return undefined;
  const given = head.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 16 : given > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  if (tail !== undefined) bytes.set(tail, 16 - tail.length);
  return bytes;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    const ipv4 = index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group))
      bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes.length <= 16 ? bytes : undefined;
}

/** RFC 4291 §2.5.5.2: an IPv4 address in the clothes of IPv6. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));
}
