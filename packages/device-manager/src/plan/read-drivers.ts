import { isScalar, isSeq, type Node } from 'yaml';
import { commandDriver, fsfreezeDriver, httpDriver } from '../quiesce/command-drivers.ts';
import type { QuiesceDriver } from '../quiesce/driver.ts';
import type { Command } from '../quiesce/guard.ts';
import { mysqlDriver, postgresqlDriver } from '../quiesce/sql-drivers.ts';
import { Section, type Complaints } from './section.ts';

/** Makes a driver from what the plan says of it. */
type ReadDriver = (section: Section, complaints: Complaints) => QuiesceDriver;

/** A program to run in place of a client, where the plan names one. */
const program = (section: Section): [program?: readonly string[]] => {
  const words = section.texts('program');
  return words === undefined ? [] : [words];
};

/** All kinds of drivers, by their keys in the plan. */
const DRIVERS: Readonly<Record<string, ReadDriver>> = {
  postgresql: (section) => postgresqlDriver(section.requiredText('connection'), ...program(section)),
  mysql: (section) => mysqlDriver(section.requiredText('defaultsFile'), ...program(section)),
  fsfreeze: (section) => fsfreezeDriver(section.requiredText('path')),
  http: (section) => {
    const [freeze, thaw] = [urlOf(section, 'freeze'), urlOf(section, 'thaw')];
    return httpDriver(section.text('name') ?? freeze, { freeze, thaw });
  },
  command: (section, complaints) => {
    const [freeze, thaw] = [
      requiredCommand(section, 'freeze', complaints),
      requiredCommand(section, 'thaw', complaints),
    ];
    return commandDriver(section.text('name') ?? freeze[0], { freeze, thaw });
  },
};

/** The drivers of a group: its key `quiesce`. */
export function readDrivers(group: Section, complaints: Complaints): QuiesceDriver[] {
  return (group.list('quiesce') ?? []).flatMap((node, index) => {
    const entry = Section.of(node, `${group.path}.quiesce[${index}]`, complaints);
    if (entry === undefined) return [];
    const [kind = '', ...more] = entry.keys;
    const read = DRIVERS[kind];
    if (read === undefined || more.length > 0) {
      entry.complain(`write one of ${Object.keys(DRIVERS).join(', ')}, and what it needs`);
      return [];
    }
    const section = entry.section(kind);
    if (section === undefined) return [];
    const driver = read(section, complaints);
    section.end();
    return [driver];
  });
}

/** A list of words that is a command; undefined, with a complaint, when it is none. */
export function commandOf(node: Node | undefined, path: string, complaints: Complaints): Command | undefined {
  const words = isSeq(node) ? node.items.map(wordOf) : [];
  if (words.length > 0 && words[0] !== '') return words as [string, ...string[]];
  complaints.add(node?.range?.[0], path, 'write a list: the program and its arguments');
  return undefined;
}

function wordOf(node: unknown): string {
  const value: unknown = isScalar(node) ? node.value : '';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function requiredCommand(section: Section, key: string, complaints: Complaints): Command {
  const node = section.node(key);
  if (node === undefined) section.complain(`${key} is missing`);
  const command = node && commandOf(node, `${section.path}.${key}`, complaints);
  return command ?? [''];
}

function urlOf(section: Section, key: string): string {
  const text = section.requiredText(key);
  if (text !== '' && !/^https?:\/\//.test(text)) section.complain(`${key} is no URL of http or https`);
  return text;
}
