import { createStock, increaseReservedStock, listStocks, stockQuery, upsertStocks } from './hey-api/index';
import { client } from './hey-api/client.gen';
import { follow } from './follow';

client.setConfig({ baseUrl: process.argv[2] ?? '', auth: 'Token any' });

void follow('hey-api', {
  create: async (body) => (await createStock({ body })).response?.status ?? 0,
  reserve: async (body) => (await increaseReservedStock({ body })).response?.status ?? 0,
  list: async (sku) => (await listStocks({ query: { sku, page: 'last' } })).data?.results.map((stock) => stock.reserved_stock) ?? [],
  query: async (sku) => (await stockQuery({ query: { sku } })).data?.Store_checkResult.map((row) => row.stock) ?? [],
  upsert: async (row) => (await upsertStocks({ body: [row] })).response?.status ?? 0,
});
