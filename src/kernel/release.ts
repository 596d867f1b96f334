/** Kernel releases as `uname -r` prints them, comparable. */

export type Release = { readonly major: number; readonly minor: number };

// 6.6.8-100.fc38.x86_64
export function parseRelease(text: string | undefined): Release | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})/.exec(text ?? '');
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

export function isAtLeast(release: Release, major: number, minor: number): boolean {
  return release.major > major || (release.major === major && release.minor >= minor);
}
