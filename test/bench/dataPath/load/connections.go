package main

import (
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"time"
)

// connectOnce connects, asks once and disconnects.
func connectOnce(address string, options *tlsOptions, cache tls.ClientSessionCache, request []byte, seen *counts) {
	seen.total++
	before := time.Now()
	client, err := dial(address, options, cache)
	if err != nil {
		seen.fail(err.Error())
		return
	}
	defer client.Close()
	connected := time.Since(before)
	// With TLS 1.3 the ticket comes after the handshake: it is there when an answer is.
	status, err := client.ask(request)
	switch {
	case err != nil:
		seen.fail(err.Error())
		return
	case status != ok:
		seen.fail(status)
		return
	}
	seen.latencies = append(seen.latencies, connected)
	if client.resumed() {
		seen.resumed++
	}
}

// handshakes makes new connections one after the other, each with a full handshake and one request.
func handshakes(asked *job, requests [][]byte) (*counts, error) {
	start := time.Now()
	end := start.Add(seconds(asked.Seconds))
	sum := inParallel(asked.Connections, func(index int, mine *counts) {
		next := order(requests, index)
		for time.Now().Before(end) {
			connectOnce(asked.Addresses[0], asked.TLS, nil, next(), mine)
		}
	})
	sum.seconds = time.Since(start).Seconds()
	return sum, nil
}

// reconnects makes clients that connect once, and then again with the ticket of their last connection, to any of the
// proxies, as behind a Service. Only what follows the first connection counts.
func reconnects(asked *job, requests [][]byte) (*counts, error) {
	caches := make([]tls.ClientSessionCache, asked.Connections)
	first := inParallel(asked.Connections, func(index int, mine *counts) {
		caches[index] = tls.NewLRUClientSessionCache(1)
		connectOnce(anyOf(asked.Addresses), asked.TLS, caches[index], requests[0], mine)
	})
	start := time.Now()
	sum := inParallel(asked.Connections, func(index int, mine *counts) {
		for range asked.Reconnects {
			connectOnce(anyOf(asked.Addresses), asked.TLS, caches[index], requests[0], mine)
		}
	})
	sum.seconds = time.Since(start).Seconds()
	for what := range first.failures {
		sum.fail(what)
	}
	return sum, nil
}

func anyOf(addresses []string) string {
	return addresses[rand.IntN(len(addresses))]
}

func inParallel(clients int, work func(index int, mine *counts)) *counts {
	seen := make([]counts, clients)
	var all sync.WaitGroup
	for index := range clients {
		all.Go(func() { work(index, &seen[index]) })
	}
	all.Wait()
	sum := &counts{}
	for index := range seen {
		sum.add(&seen[index])
	}
	return sum
}
