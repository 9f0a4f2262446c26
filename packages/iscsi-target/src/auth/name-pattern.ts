/**
 * True when `name` fits `pattern`, in which `*` stands for any run of characters and `?` for one. The time is at
 * most the product of both lengths: a name from the network cannot make it long.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let inName = 0;
  /** Where the last star stands, and the place in the name from which it is tried next. */
  let star = -1;
  let retry = 0;
  while (inName < name.length) {
    if (pattern[at] === '*') {
      star = at++;
      retry = inName;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[inName])) {
      at++;
      inName++;
    } else if (star >= 0) {
      at = star + 1;
      inName = ++retry;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
