import { LunClient, isUnsupported } from '../disk/lun-client.ts';
import { optionsError } from '../errors.ts';
import { parseIscsiUrl } from '../iscsi-url.ts';
import { IscsiSession } from '../session.ts';
import { systemSeams } from '../shell/seams.ts';
import { sessionOptions, type CommandLine } from './command-line.ts';
import { ask, type Alternatives, type Answer } from './question.ts';
import * as questions from './questions.ts';
import { showAnswers } from './show.ts';

/** What a command asks a unit. */
interface Query {
  readonly questions: (line: CommandLine) => readonly Alternatives[];
  /** With `--all`: what the first answer lists. */
  readonly listed?: (answer: Answer) => readonly Alternatives[];
  /** There are several answers, and a unit need not have all of them. */
  readonly optional?: true;
}

/** Answers of a unit, in words or as bytes. */
function query({ questions: asked, listed, optional }: Query): (line: CommandLine) => Promise<void> {
  return (line) =>
    withUnit(line, async (unit) => {
      const wanted = asked(line);
      const list = line.all && listed !== undefined ? listed(await ask(unit, wanted[0]!)) : wanted;
      const answers: Answer[] = [];
      for (const alternatives of list) {
        const answer = await ask(unit, alternatives).catch((error: unknown) => {
          if (optional !== true || list.length === 1 || !isUnsupported(error)) throw error;
          console.error(`${line.command}: ${(error as Error).message}`);
        });
        if (answer !== undefined) answers.push(answer);
      }
      showAnswers(answers, line.output);
    });
}

async function withUnit(line: CommandLine, use: (unit: LunClient) => Promise<void>): Promise<void> {
  const url = parseIscsiUrl(line.url);
  const { targetName, lun = 0 } = url;
  if (targetName === undefined) throw optionsError('the URL names no target');
  const seams = systemSeams(url.tls ? {} : undefined);
  const session = new IscsiSession({ ...sessionOptions(line, url), targetName }, seams);
  try {
    await session.open();
    await use(new LunClient(session, lun, seams.clock));
  } finally {
    await session.close();
  }
}

const INQUIRY: Query = {
  questions: ({ vpd, argument }) => {
    if (argument !== undefined && !vpd) throw optionsError(`"${argument}" is for --vpd only`);
    return [vpd ? questions.vpdPage(argument) : questions.standardInquiry()];
  },
};

/** `inq`: standard INQUIRY data, a VPD page, the list of pages, or all of them. */
export function inquire(line: CommandLine): Promise<void> {
  if (line.all && !line.vpd) throw optionsError('--all is for --vpd only');
  return query(line.vpd ? { ...INQUIRY, listed: questions.listedVpdPages } : INQUIRY)(line);
}

type QueryName = 'modes' | 'logs' | 'opcodes' | 'luns' | 'readcap' | 'tpg' | 'pr';

/** The other commands that ask a unit. */
export const QUERY_COMMANDS: Readonly<Record<QueryName, (line: CommandLine) => Promise<void>>> = {
  modes: query({ questions: ({ argument, values }) => [questions.modePages(argument, values)] }),
  logs: query({
    questions: ({ argument }) => [questions.logPage(argument)],
    listed: questions.listedLogPages,
  }),
  opcodes: query({ questions: ({ argument }) => [questions.opcodes(argument)] }),
  luns: query({ questions: () => [questions.luns()] }),
  readcap: query({ questions: () => [questions.capacity()] }),
  tpg: query({ questions: () => [questions.portGroups()] }),
  pr: query({ questions: ({ argument }) => questions.reservations(argument), optional: true }),
};
