/** The journal of a world: exchanges, and filters that find them. */

/** A body, as far as the journal keeps it. */
export interface JournalBody {
  /** The body, where it is UTF-8. */
  readonly text?: string;
  /** The body, where it is not UTF-8. */
  readonly base64?: string;
  /** Length of the whole. */
  readonly bytes: number;
  /** Only the beginning was kept. */
  readonly truncated?: true;
}

/** A request and its answer. */
export interface Exchange {
  readonly id: number;
  /** Time of the request, as the system's clock has it. */
  readonly at: string;
  readonly world: string;
  /** Id of the operation; `unrouted` where there is none. */
  readonly operation: string;
  /** The rule that decided the answer. */
  readonly rule: string | null;
  readonly grade: "documented" | "stack" | "observed" | "reading" | null;
  /** Readings that decided, each with its choice. */
  readonly readings: Readonly<Record<string, string>>;
  readonly request: {
    readonly method: string;
    /** Path and query, with the prefix of the world. */
    readonly target: string;
    readonly version: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: JournalBody;
  };
  /** Null where nothing was answered. */
  readonly response: {
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: JournalBody;
  } | null;
  /** Number of writes of the world before it. */
  readonly writes_before: number;
  /** Number of the write that it was itself; null where it wrote nothing. */
  readonly wrote: number | null;
  /** Time that the answer took. */
  readonly microseconds: number;
  /** Names of the rules of faults that had a part in it. */
  readonly faults: readonly string[];
  readonly defects: readonly string[];
  /** Details of the faults, so that they can be repeated; absent where there were none. */
  readonly plan?: Readonly<Record<string, unknown>>;
}

/** Filters of the journal. All of them must fit. */
export interface RequestFilters {
  operation?: string;
  method?: string;
  /** A status, or a class of them such as `4xx`. */
  status?: number | `${1 | 2 | 3 | 4 | 5}xx`;
  /** Path as of the API: `/api/v1/stocks/`. */
  path?: string;
  target_contains?: string;
  headers?: Record<string, string>;
  /** Members of the JSON. */
  body?: Record<string, unknown>;
  /** Only exchanges after the one with this id. */
  since?: number;
}

/** Documented responses, pages and rules that a client has met. */
export interface Coverage {
  /** Number of its requests to the API. */
  readonly requests: number;
  /** The documented responses, met or not, in the order of the page. */
  readonly documented: readonly {
    readonly name: string;
    readonly operation: string;
    readonly status: number;
    readonly what: string;
    readonly count: number;
  }[];
  /** Number of pages beyond the first. */
  readonly later_pages: number;
  /** Number of walks over more than one page that came to their end. */
  readonly whole_walks: number;
  /** The rules that the mock can answer by, met or not. */
  readonly rules: readonly {
    readonly operation: string;
    readonly rule: string;
    readonly count: number;
  }[];
}

/** A line about each exchange. */
export function lines(exchanges: readonly Exchange[], prefix: string): string[] {
  return exchanges.map((exchange) => line(exchange, prefix));
}

function line(exchange: Exchange, prefix: string): string {
  const { method, target } = exchange.request;
  const path = target.startsWith(prefix) ? target.slice(prefix.length) : target;
  const status = exchange.response?.status ?? "no answer";
  const because = exchange.rule === null ? "" : `${exchange.operation}/${exchange.rule}`;
  const causes = [...exchange.faults, ...exchange.defects].join(", ");
  const notes = [because, causes && `by ${causes}`].filter(Boolean).join("  ");
  return `  ${String(exchange.id).padStart(5)} ${status} ${method} ${path}  ${notes}`.trimEnd();
}
