/**
 * Whether the terminal takes UTF-8, as far as the locale says: the first of LC_ALL, LC_CTYPE and LANG that is not empty decides
 * (locale(7)). Where none is set, as in most containers and cron jobs, nothing says that it does not.
 */
export function takesUtf8(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  return !locale || /\.utf-?8(@|$)/i.test(locale);
}
