/** How well a snapshot knows what it has: what applications and file systems had done before it was taken. */
export type ConsistencyLevel = 'crash' | 'filesystem' | 'application';

/** All levels. */
export const LEVELS: readonly unknown[] = ['crash', 'filesystem', 'application'] satisfies ConsistencyLevel[];
