// The documented flow by a client whose types openapi-typescript made: `client.ts` beside
// this file. Run by `schemas/test/run`, compiled.
//
//     node flow.js URL

import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './client.js';

const baseUrl = process.argv[2] ?? '';
const client = createClient<paths>({ baseUrl, headers: { Authorization: 'Token any' } });
const place = { sku: 'generated', location: '112' };
const row: components['schemas']['StockCreate'] = { ...place, provider: 'shop_provider', stock: 5 };
const dated = { ...place, date: '2023-05-10' };

const created = await client.POST('/api/v1/stocks/', { body: row });
assert.equal(created.data?.stock, 5);
const again = await client.POST('/api/v1/stocks/', { body: row });
assert.equal(again.response.status, 400);

const reserved = await client.POST('/api/v1/stocks/increase_reserved_stock/', { body: dated });
assert.equal(reserved.response.status, 201);
const reported = await client.POST('/api/v1/stocks/increase_reserved_stock/', { body: dated });
assert.equal(reported.response.status, 208);

const listed = await client.GET('/api/v1/stocks/', { params: { query: { sku: 'generated', page: 'last' } } });
assert.equal(listed.data?.results[0]?.reserved_stock, 1);
const queried = await client.GET('/api/v1/stocks/stock_query/', { params: { query: { sku: 'generated' } } });
assert.equal(queried.data?.Store_checkResult[0]?.stock, 5);
const upserted = await client.POST('/api/v1/stocks/insert_or_update_stock/', { body: [{ ...row, stock: 7 }] });
assert.equal(upserted.response.status, 200);
const active = await client.POST('/api/v1/active-stocks/{stocklist_id}/', {
  params: { path: { stocklist_id: 1 } },
  body: {},
});
assert.equal(active.response.status, 200);
console.log('openapi-typescript: creates, reserves, replays, lists, queries, upserts');
