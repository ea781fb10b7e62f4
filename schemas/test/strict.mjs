// Compiles every JSON Schema of a folder with ajv in its strict mode.
//
//     node strict.mjs FOLDER

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

// Annotations of OpenAPI documents, which say nothing about a value.
const ANNOTATIONS = ['x-enum-varnames', 'x-grade'];

const folder = process.argv[2];
const ajv = new Ajv({ strict: true });
addFormats(ajv);
ajv.addVocabulary(ANNOTATIONS);
const files = readdirSync(folder).filter((name) => name.endsWith('.schema.json'));
for (const file of files) ajv.addSchema(JSON.parse(readFileSync(join(folder, file), 'utf8')), file);

const refused = files.flatMap((file) => {
  try {
    ajv.getSchema(file);
    return [];
  } catch (error) {
    return [`${file}: ${error.message}`];
  }
});
for (const line of refused) console.error(line);
console.log(`ajv, strict: ${files.length - refused.length} of ${files.length} schemas compile`);
process.exit(refused.length === 0 && files.length > 0 ? 0 : 1);
