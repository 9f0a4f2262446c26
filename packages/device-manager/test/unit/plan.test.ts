import { expect, it } from 'vitest';
import { parsePlan } from '../../src/index.ts';

const GOOD = `
server:
  portals: ['10.0.0.1:10260', '[::1]:10260', 'unix:/run/lunbox/nbs.sock']
  user: manager
  secretFile: secret
  tls: { ca: ca.pem, servername: disks }
groups:
  database:
    objects: [data, wal]
    applicationTimeoutMs: 20000
    initiatedTimeoutMs: 5000
    whenNotReady: lower
    everyMs: 3600000
    quiesce:
      - postgresql: { connection: 'host=/run/postgresql' }
      - mysql: { defaultsFile: /etc/mysql/backup.cnf }
      - http: { name: app, freeze: 'http://127.0.0.1:1/f', thaw: 'http://127.0.0.1:1/t' }
      - command: { name: queue, freeze: [queue, pause], thaw: [queue, resume] }
      - fsfreeze: { path: /srv/data }
    restore:
      before: [[systemctl, stop, postgresql]]
      after: [[systemctl, start, postgresql]]
`;

it('reads a plan', () => {
  const { server, groups } = parsePlan(GOOD, 'plan.yaml');
  expect(server).toMatchObject({ user: 'manager', tls: { ca: 'ca.pem', servername: 'disks' } });
  expect(groups).toHaveLength(1);
  expect(groups[0]).toMatchObject({
    name: 'database',
    objects: ['data', 'wal'],
    applicationTimeoutMs: 20_000,
    initiatedTimeoutMs: 5000,
    everyMs: 3_600_000,
    whenNotReady: 'lower',
    restore: { before: [['systemctl', 'stop', 'postgresql']] },
  });
  expect(groups[0]?.drivers.map(({ name, layer }) => `${name}: ${layer}`)).toEqual([
    'postgresql host=/run/postgresql: application',
    'mysql /etc/mysql/backup.cnf: application',
    'app: application',
    'queue: application',
    'fsfreeze /srv/data: file-system',
  ]);
});

it.each([
  ['server: [', 'plan.yaml:1:'],
  ['[]', 'plan.yaml:1:1: write keys with values here'],
  [GOOD.replace('portals', 'portal'), 'server.portal: there is no such key; there are portals, user'],
  [GOOD.replace('10.0.0.1:10260', '10.0.0.1'), '10.0.0.1 is no portal'],
  [GOOD.replace('[data, wal]', '[]'), 'plan.yaml:9:14: groups.database.objects: write a list of one or more'],
  [GOOD.replace('20000', 'soon'), 'applicationTimeoutMs: write a whole number from 1 on'],
  [GOOD.replace('lower', 'never'), 'whenNotReady: write one of abort, lower'],
  [GOOD.replace('fsfreeze:', 'freeze:'), 'quiesce[4]: write one of postgresql, mysql'],
  [GOOD.replace('connection:', 'connect:'), 'connection is missing'],
  [GOOD.replace('[queue, pause]', 'queue'), 'quiesce[3].command.freeze: write a list: the program'],
  [GOOD.replace("'http://127.0.0.1:1/f'", 'ftp://x'), 'freeze is no URL of http or https'],
  [GOOD.replace('[[systemctl, stop, postgresql]]', '[stop]'), 'restore.before[0]: write a list: the program'],
])('tells what is wrong and where (%#)', (text, complaint) => {
  expect(() => parsePlan(text, 'plan.yaml')).toThrow(complaint);
});
