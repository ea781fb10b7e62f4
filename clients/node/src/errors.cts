/** A refusal of the mock, or a mock that cannot be found, started or reached. */
export class WhippyError extends Error {
  override readonly name = "WhippyError";
  /** HTTP status of the refusal; absent where there was no answer. */
  declare readonly status?: number;
  /** The mock's own words in a refusal; absent where there was no answer. */
  declare readonly detail?: string;

  constructor(sentence: string, status?: number, detail?: string) {
    super(sentence);
    if (status !== undefined) {
      this.status = status;
    }
    if (detail !== undefined) {
      this.detail = detail;
    }
  }
}
