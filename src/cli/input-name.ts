/** How an input is called in documents: no paths of the machine where it was analysed. */

/** The file's name; `trace.dat` alone says nothing, so its folder stays with it. */
export function inputName(file: string): string {
  if (file === '-') return 'standard input';
  const parts = file.split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
  const isPlain = /^trace\./.test(parts.at(-1) ?? '');
  return parts.slice(isPlain ? -2 : -1).join('/');
}
