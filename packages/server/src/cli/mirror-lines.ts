import type { MirrorEvent } from '@lunbox/storage-object';

/** What people are told of a leg of a mirror. */
const WORDS: Readonly<Record<MirrorEvent['event'], string>> = {
  failed: 'has failed; the disk goes on without it, and it is tried again in the background',
  resyncing: 'is being made equal to the others',
  'in-sync': 'is in sync again',
};

/** Tells of the mirrors of a server that runs: lines of JSON on stdout, or of text on stderr. */
export class MirrorLines {
  readonly #json: boolean;
  /** What came before the server was ready, which is the first line; undefined since then. */
  #early: MirrorEvent[] | undefined = [];

  constructor(json: boolean) {
    this.#json = json;
  }

  /** Tells of an event, now or when the server is ready. */
  add(event: MirrorEvent): void {
    if (this.#early) this.#early.push(event);
    else this.#print(event);
  }

  /** The server is ready. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#print(event);
  }

  #print({ path, parts, event }: MirrorEvent): void {
    if (this.#json) console.log(JSON.stringify({ event: 'mirror', path, parts, state: event }));
    else console.error(`lunbox: ${path}: the leg ${parts.join(', ')} of a mirror ${WORDS[event]}`);
  }
}
