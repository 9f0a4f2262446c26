import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packagesDirectory = fileURLToPath(new URL('../../../', import.meta.url));
const sourceFlags = ['--import', 'tsx', '--conditions=@lunbox/source'];

/** How a command line is run. */
export interface CommandLineOptions {
  /**
   * Run the compiled `dist/` (what users get, and what benchmarks measure) or the sources. Default: `dist/` when it
   * is newer than every source, since it starts several times as fast.
   */
  readonly compiled?: boolean;
  /** Flags of Node itself, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
}

/** The arguments of `node` that run the command line of a package, from sources or compiled. */
export function commandLine(packageName: string, options: CommandLineOptions = {}): string[] {
  const flags = options.nodeFlags ?? [];
  const directory = join(packagesDirectory, packageName);
  if (options.compiled ?? isCompiled()) return [...flags, join(directory, 'dist/cli.js')];
  return [...flags, ...sourceFlags, join(directory, 'src/cli.ts')];
}

let compiledIsCurrent: boolean | undefined;

/** True when every package's build is newer than its sources; looked up once per process. */
function isCompiled(): boolean {
  compiledIsCurrent ??= readdirSync(packagesDirectory).every((name) => {
    const build = statSync(join(packagesDirectory, name, 'dist/.tsbuildinfo'), { throwIfNoEntry: false });
    const source = join(packagesDirectory, name, 'src');
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
    return (
      build !== undefined && files.every((file) => statSync(join(source, file)).mtimeMs <= build.mtimeMs)
    );
  });
  return compiledIsCurrent;
}
