/** The format of faults, as in docs/faults.md. */

/** Number, boolean or text; compared as the service reads it. */
export type Scalar = string | number | boolean | null;

/** Requests that a rule is about. Every member that is there must hold. */
export interface FaultMatch {
  /** Id of the operation; `*` stands for any text. */
  operation?: string;
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  world?: string;
  header?: Record<string, Scalar>;
  query?: Record<string, Scalar>;
  body?: Record<string, Scalar>;
  /** Only this one of the requests that fit, counted from 1. */
  nth?: number;
  /** Every n-th of the requests that fit, for this n. */
  every?: number;
  /** From 0 to 1. */
  probability?: number;
}

/** A fault, and what it takes. */
export type Fault =
  | {
      kind: "status";
      status: 400 | 401 | 403 | 404 | 429 | 500 | 502 | 503 | 504;
      retry_after?: number;
    }
  | { kind: "delay"; milliseconds: number }
  | { kind: "delay"; distribution: Distribution }
  | { kind: "slow-body"; chunks: number; over_milliseconds: number }
  | { kind: "truncated-body"; bytes?: number }
  | { kind: "truncated-body"; fraction?: number }
  | { kind: "garbage"; bytes?: number; seed?: number }
  | { kind: "wrong-content-type"; content_type: string }
  | { kind: "stale-read"; writes: number }
  | { kind: "defect"; name: string }
  | { kind: "hold"; until_commit?: string; milliseconds: number }
  | { kind: "empty-reply" | "reset" | "malformed-body" | "duplicate-row" | "skipped-row" };

/** Distribution of a delay, milliseconds. */
export type Distribution =
  | { type: "uniform"; min: number; max: number }
  | { type: "lognormal"; median: number; sigma: number; cap?: number };

/** A fault for the requests that match. */
export interface FaultRule {
  /** Name in headers and in the journal. No other rule has it. */
  name: string;
  match?: FaultMatch;
  fault: Fault;
  /** Side of the commit: `before` it by default. */
  when?: "before" | "after";
  /** Most times that it fires. */
  times?: number;
  ttl_seconds?: number;
}

/** A file of faults. */
export interface FaultFile {
  /** Source of all chance. */
  seed?: number;
  rules: readonly FaultRule[];
}

/** A preset by its name, a list of rules, or the content of a file. */
export type Faults = string | readonly FaultRule[] | FaultFile;
