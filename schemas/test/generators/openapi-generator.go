// The documented flow by the client of openapi-generator for Go, beside it as package client.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	client "github.com/GIT_USER_ID/GIT_REPO_ID/client"
)

func main() {
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: os.Args[1]}}
	configuration.AddDefaultHeader("Authorization", "Token any")
	api := client.NewAPIClient(configuration)
	ctx := context.Background()

	code := "112"
	location := client.ReservationLocation{String: &code}
	row := client.NewStockCreate("generated", "shop_provider", location, 5)
	dated := client.NewReservation("generated", location)
	dated.SetDate("2023-05-10")

	create := func() *http.Response {
		_, response, _ := api.StocksAPI.CreateStock(ctx).StockCreate(*row).Execute()
		return response
	}
	expect("created", create(), 201)
	expect("created twice", create(), 400)
	for _, status := range []int{201, 208} {
		_, response, _ := api.ReservationsAPI.IncreaseReservedStock(ctx).Reservation(*dated).Execute()
		expect("reserved", response, status)
	}

	listed, _, err := api.StocksAPI.ListStocks(ctx).Sku("generated").Page("last").Execute()
	must(err)
	if reserved := listed.GetResults()[0].GetReservedStock(); reserved != 1 {
		panic(fmt.Sprintf("listed: %d are reserved", reserved))
	}
	queried, _, err := api.QueriesAPI.StockQuery(ctx).Sku("generated").Execute()
	must(err)
	if stock := queried.GetStoreCheckResult()[0].GetStock(); stock != 5 {
		panic(fmt.Sprintf("queried: %d", stock))
	}
	_, response, err := api.StocksAPI.UpsertStocks(ctx).StockUpsert(client.StockUpsert{StockCreate: row}).Execute()
	must(err)
	expect("upserted", response, 200)
	fmt.Println("openapi-generator go: creates, reserves, replays, lists, queries, upserts")
}

func expect(what string, response *http.Response, status int) {
	if response == nil || response.StatusCode != status {
		panic(fmt.Sprintf("%s: %v in place of %d", what, response, status))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
