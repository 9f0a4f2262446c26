import type { Disk, DiskFile, LockOutcome, Random } from '@lunbox/block';

/** A name that ends in this is that of a file which gets another one when it is complete and durable. */
const DRAFT_NAME = /\.[0-9a-f]{12}\.new$/;
/** Whoever writes a draft has this byte locked. QEMU, which fills some of them, locks others. */
const DRAFT_LOCK = { offset: 300, length: 1, exclusive: true } as const;

/** Whether somebody writes a draft; `unknown` where there are no locks that could tell. */
export type DraftState = 'left' | 'in-work' | 'unknown';

/** A name for the draft of a file, beside it. */
export function draftPathOf(path: string, random: Random): string {
  return `${path}.${Buffer.from(random.bytes(6)).toString('hex')}.new`;
}

/** Whether a file has the name of a draft. */
export function isDraftName(name: string): boolean {
  return DRAFT_NAME.test(name);
}

/** What a draft is, or was to be, called when it is complete. */
export function draftOf(draftPath: string): string {
  return draftPath.replace(DRAFT_NAME, '');
}

/** Creates a draft, and shows that it is being written until it is closed. */
export async function openDraft(disk: Disk, draftPath: string): Promise<DiskFile> {
  const draft = await disk.open(draftPath, 'create');
  takeDraft(draft);
  return draft;
}

/** Takes a draft that is open for writing for oneself, until it is closed. */
export function takeDraft(draft: DiskFile): LockOutcome {
  return draft.lock(DRAFT_LOCK);
}

/** Whether somebody else writes a draft. */
export function draftStateOf(draft: DiskFile): DraftState {
  const outcome = draft.testLock(DRAFT_LOCK);
  return outcome === 'granted' ? 'left' : outcome === 'held' ? 'in-work' : 'unknown';
}
