import { createStock, increaseReservedStock, listStocks, stockQuery, upsertStocks } from './orval/client';
import { follow } from './follow';

// The generated functions ask paths; the base and the token are the caller's to add.
const base = process.argv[2] ?? '';
const options = { headers: { Authorization: 'Token any' } };
const { fetch } = globalThis;
globalThis.fetch = (path, init) => fetch(`${base}${String(path)}`, init);

void follow('orval', {
  create: async (row) => (await createStock(row, options)).status,
  reserve: async (dated) => (await increaseReservedStock(dated, undefined, options)).status,
  list: async (sku) => {
    const listed = await listStocks({ sku, page: 'last' }, options);
    return listed.status === 200 ? listed.data.results.map((stock) => stock.reserved_stock) : [];
  },
  query: async (sku) => {
    const queried = await stockQuery({ sku }, options);
    return queried.status === 200 ? queried.data.Store_checkResult.map((row) => row.stock) : [];
  },
  upsert: async (row) => (await upsertStocks([row], options)).status,
});
