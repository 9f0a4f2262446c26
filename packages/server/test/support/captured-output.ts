import { vi } from 'vitest';

/** What a command of the CLI that runs in this process has printed, by lines or as it came. */
export interface CapturedOutput {
  readonly printed: string[];
  readonly complained: string[];
}

/** Keeps standard output and standard error to itself until `vi.restoreAllMocks`. */
export function captureOutput(): CapturedOutput {
  const printed: string[] = [];
  const complained: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(console, 'error').mockImplementation((line: string) => void complained.push(line));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => complained.push(String(text)) > 0);
  return { printed, complained };
}
