import { Configuration, QueriesApi, ReservationsApi, StocksApi } from './typescript-axios/index';
import { follow } from './follow';

const configuration = new Configuration({
  basePath: process.argv[2],
  apiKey: 'Token any',
  baseOptions: { validateStatus: () => true },
});
const stocks = new StocksApi(configuration);
const reservations = new ReservationsApi(configuration);
const queries = new QueriesApi(configuration);

void follow('typescript-axios', {
  create: async (row) => (await stocks.createStock(row)).status,
  reserve: async (dated) => (await reservations.increaseReservedStock(undefined, undefined, undefined, undefined, dated)).status,
  list: async (sku) => (await stocks.listStocks(sku)).data.results.map((stock) => stock.reserved_stock),
  query: async (sku) => (await queries.stockQuery(sku)).data.Store_checkResult.map((row) => row.stock),
  upsert: async (row) => (await stocks.upsertStocks(row)).status,
});
