import { descriptionText, explainDataIn, findCdb, type Description } from '@lunbox/scsi';
import type { Answer } from './question.ts';

/** How answers are printed. */
export type OutputForm = 'text' | 'json' | 'hex' | 'raw';

const BYTES_PER_LINE = 16;

function hexLines(data: Uint8Array): string {
  const pairs = Array.from(data, (byte) => byte.toString(16).padStart(2, '0'));
  const lines: string[] = [];
  for (let at = 0; at < pairs.length; at += BYTES_PER_LINE) {
    lines.push(pairs.slice(at, at + BYTES_PER_LINE).join(' '));
  }
  return lines.join('\n');
}

function describe({ cdb, data }: Answer): Description {
  const bytes = { name: 'BYTES', value: Buffer.from(data).toString('hex') };
  return explainDataIn(cdb, data) ?? { title: 'data', fields: [bytes], parts: [] };
}

/** Prints answers: in words, as one JSON array, as hexadecimal digits, or as the bytes that they are. */
export function showAnswers(answers: readonly Answer[], form: OutputForm): void {
  if (form === 'raw') {
    process.stdout.write(Buffer.concat(answers.map(({ data }) => data)));
    return;
  }
  if (form === 'json') {
    const told = answers.map((answer) => ({
      command: findCdb(answer.cdb)?.name ?? 'unknown',
      cdb: Buffer.from(answer.cdb).toString('hex'),
      data: Buffer.from(answer.data).toString('hex'),
      description: describe(answer),
    }));
    console.log(JSON.stringify(told, undefined, 2));
    return;
  }
  const texts = answers.map((answer) =>
    form === 'hex' ? hexLines(answer.data) : descriptionText(describe(answer)),
  );
  console.log(texts.join('\n\n'));
}

/** Prints what bytes say that came from no unit. */
export function showDescription(description: Description, form: OutputForm): void {
  console.log(form === 'json' ? JSON.stringify(description, undefined, 2) : descriptionText(description));
}
