import { Configuration, QueriesApi, ReservationsApi, ResponseError, StocksApi } from './typescript-fetch/index';
import { follow } from './follow';

const configuration = new Configuration({ basePath: process.argv[2], apiKey: 'Token any' });
const stocks = new StocksApi(configuration);
const reservations = new ReservationsApi(configuration);
const queries = new QueriesApi(configuration);
const refused = (error: unknown) => {
  if (error instanceof ResponseError) return { status: error.response.status, reserved: undefined };
  throw error;
};

void follow('typescript-fetch', {
  create: (row) => stocks.createStockRaw({ stockCreate: row }).then(({ raw }) => raw.status, (error) => refused(error).status),
  reserve: (reservation) => reservations.increaseReservedStockRaw({ reservation }).then(({ raw }) => raw.status),
  list: async (sku) => (await stocks.listStocks({ sku, page: 'last' })).results.map((stock) => stock.reservedStock),
  query: async (sku) => (await queries.stockQuery({ sku })).storeCheckResult.map((row) => row.stock),
  upsert: (row) => stocks.upsertStocksRaw({ stockUpsert: row }).then(({ raw }) => raw.status),
});
