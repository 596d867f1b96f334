/** Words in the place of names: the same word for the same name, in order of appearance. */
export class NumberedNames {
  readonly #known = new Map<string, string>();
  readonly #word: string;

  /** `word`: what stands before the number. */
  constructor(word: string) {
    this.#word = word;
  }

  of(name: string): string {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = `${this.#word}${this.#known.size + 1}`;
      this.#known.set(name, known);
    }
    return known;
  }
}
