// Validates OpenAPI documents with swagger-parser.
//
//     node parse.mjs FILE…

import SwaggerParser from '@apidevtools/swagger-parser';

for (const file of process.argv.slice(2)) {
  const { openapi } = await SwaggerParser.validate(file);
  console.log(`swagger-parser: ${file} is OpenAPI ${openapi}`);
}
