/**
 * A Whippy Ware Stock API for tests, without a test runner.
 *
 * `whippy-mock/vitest`, `whippy-mock/jest` and `whippy-mock/node-test` give every test a
 * world; this is for all else.
 */

export { BINARY_VARIABLE, findBinary } from "./binary.cjs";
export { WhippyError } from "./errors.cjs";
export type {
  Distribution,
  Fault,
  FaultFile,
  FaultMatch,
  FaultRule,
  Faults,
  Scalar,
} from "./faults.js";
export type { FailOn, Finding, Level } from "./findings.js";
export type { Coverage, Exchange, JournalBody, RequestFilters } from "./journal.js";
export { Server } from "./server.js";
export type { Options } from "./trial.js";
export type { Clock, Reading, Start, World } from "./whippy.js";
export { Whippy } from "./whippy.js";
