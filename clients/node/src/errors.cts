/** A refusal of the mock, or a mock that cannot be found, started or reached. */
export class WhippyError extends Error {
  override readonly name = "WhippyError";
  /** HTTP status of the refusal; absent where there was no answer. */
  declare readonly status?: number;

  constructor(sentence: string, status?: number) {
    super(sentence);
    if (status !== undefined) {
      this.status = status;
    }
  }
}
