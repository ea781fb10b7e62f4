/**
 * Mistakes of a client, as the mock reports them: levels, findings, and their text.
 *
 * Nothing here knows a test runner or HTTP.
 */

import { WhippyError } from "./errors.cjs";

const LEVELS = ["note", "warning", "error"] as const;

const FAIL_ON = [...LEVELS, "never"] as const;

/** Gravity of a finding. */
export type Level = (typeof LEVELS)[number];

/** Findings of this level or higher fail a test. */
export type FailOn = (typeof FAIL_ON)[number];

/** A mistake that a client made, once or more often. */
export interface Finding {
  /** Kind of the mistake; docs/findings.md lists them. */
  readonly id: string;
  readonly level: Level;
  /** Id, in the journal, of the request that shows it first. */
  readonly request: number;
  /** Time of that request, or of the end that shows it. */
  readonly at: string;
  readonly method: string;
  /** Path and query of the request that shows it first. */
  readonly target: string;
  /** The wrong part of the request. */
  readonly sent: string;
  /** The part that was probably meant; null where that cannot be told. */
  readonly meant: string | null;
  readonly why: string;
  /** Authority for the rule that was broken. */
  readonly source: {
    readonly grade: "documented" | "stack" | "observed" | "reading";
    readonly section: string;
    readonly says: string;
  };
  /** Number of times that it was made. */
  readonly count: number;
  /** Ids, in the journal, of the first requests that show it. */
  readonly requests: readonly number[];
}

/** Returns a level that can be failed on. */
export function readFailOn(text: unknown): FailOn {
  const level = FAIL_ON.find((known) => known === text);
  if (level === undefined) {
    throw new WhippyError(
      `failOn is \`${String(text)}\`, which is not a level; the levels are ${FAIL_ON.join(", ")}`,
    );
  }
  return level;
}

/** Reason why a test fails by these findings; undefined where it does not. */
export function verdict(findings: readonly Finding[], failOn: FailOn): string | undefined {
  const grave = findings.filter((finding) => fails(finding, failOn));
  if (grave.length === 0) {
    return undefined;
  }
  // The first line stands in a summary, which shows no other.
  const ids = [...new Set(grave.map((finding) => finding.id))].join(", ");
  const mistakes = grave.length === 1 ? "a mistake" : `${grave.length} mistakes`;
  const lesser = findings.length - grave.length;
  const below = lesser > 0 ? `, ${lesser} below that` : "";
  const head = `whippy: ${ids} (${mistakes} of the client; failOn = ${failOn}${below})`;
  return [head, ...grave.map(describe)].join("\n\n");
}

function fails(finding: Finding, failOn: FailOn): boolean {
  return failOn !== "never" && LEVELS.indexOf(finding.level) >= LEVELS.indexOf(failOn);
}

function describe(finding: Finding): string {
  const { grade, section, says } = finding.source;
  const more = finding.count - finding.requests.length;
  const requests = `request${finding.count > 1 ? "s" : ""} ${finding.requests.join(", ")}`;
  return [
    `${finding.level} ${finding.id}: ${finding.method} ${finding.target} ` +
      `(${requests}${more > 0 ? ` and ${more} more` : ""})`,
    `  sent:   ${finding.sent}`,
    ...(finding.meant === null ? [] : [`  meant:  ${finding.meant}`]),
    `  why:    ${finding.why}`,
    `  source: ${[grade, section, says].join(" · ")}`,
  ].join("\n");
}
