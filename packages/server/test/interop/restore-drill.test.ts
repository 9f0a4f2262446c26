import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/restore-drill.ts', import.meta.url));

describe.skipIf(!requiresTools('qemu-io'))('the restore drill', () => {
  it('passes, with our initiator and with qemu-io', async () => {
    const words = ['--import', 'tsx', '--conditions=@lunbox/source', EXAMPLE];
    const { status, output, stdout } = await run(process.execPath, words, { timeoutMs: 120_000 });
    expect(status, output).toBe(0);
    expect(stdout).toContain('the application, never stopped, has gone on');
    expect(stdout).toContain('its session is with the other server');
    expect(stdout.trim().split('\n').at(-1)).toBe('the drill has passed');
  });
});
