import { Redirects } from '../../src/cli/redirects.ts';
import { ServedCatalog } from '../../src/cli/served-catalog.ts';
import type { ConfigReload } from '../../src/cli/config-reload.ts';
import type { Controlled } from '../../src/cli/control-verbs.ts';
import type { LunboxServer } from '../../src/server.ts';

/** What the verbs of `lunbox control` work on, with a server of this process. */
export async function controlledBy(server: LunboxServer, reload?: ConfigReload): Promise<Controlled> {
  const redirects = new Redirects(() => 0);
  const catalog = await ServedCatalog.open(server);
  return { server, redirects, catalog, reload, capture: undefined, draining: false, maintained: false };
}
