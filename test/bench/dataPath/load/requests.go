package main

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func seconds(value float64) time.Duration {
	return time.Duration(value * float64(time.Second))
}

func connect(asked *job) ([]*client, error) {
	clients := make([]*client, 0, asked.Connections)
	for index := range asked.Connections {
		client, err := dial(asked.Addresses[index%len(asked.Addresses)], asked.TLS, nil)
		if err != nil {
			return nil, fmt.Errorf("connection %d of %d: %w", index+1, asked.Connections, err)
		}
		clients = append(clients, client)
	}
	return clients, nil
}

func disconnect(clients []*client) {
	for _, client := range clients {
		client.Close()
	}
}

// order gives the requests of one of many clients: all of them, far apart, each client from elsewhere on.
func order(requests [][]byte, client int) func() []byte {
	next := client * 104_729
	return func() []byte {
		next += 7919
		return requests[next%len(requests)]
	}
}

// closedLoop keeps every connection busy: the throughput that there is.
func closedLoop(asked *job, requests [][]byte) (*counts, error) {
	clients, err := connect(asked)
	if err != nil {
		return nil, err
	}
	defer disconnect(clients)
	start := time.Now().Add(seconds(asked.Warmup))
	end := start.Add(seconds(asked.Seconds))
	seen := make([]counts, len(clients))
	var all sync.WaitGroup
	for index, client := range clients {
		all.Go(func() {
			mine := &seen[index]
			mine.latencies = make([]time.Duration, 0, 8192)
			next := order(requests, index)
			for before := time.Now(); before.Before(end); {
				status, err := client.ask(next())
				now := time.Now()
				mine.total++
				switch {
				case err != nil:
					mine.fail(err.Error())
					return
				case status != ok:
					mine.fail(status)
				case before.After(start) && now.Before(end):
					mine.latencies = append(mine.latencies, now.Sub(before))
				}
				before = now
			}
		})
	}
	all.Wait()
	sum := &counts{seconds: asked.Seconds}
	for index := range seen {
		sum.add(&seen[index])
	}
	return sum, nil
}

// openLoop sends at a rate, whatever the answers do: each is timed from the moment at which it should have been sent, so
// that one that has to wait for an earlier one counts in full.
func openLoop(asked *job, requests [][]byte) (*counts, error) {
	clients, err := connect(asked)
	if err != nil {
		return nil, err
	}
	defer disconnect(clients)
	type sent struct {
		at       time.Time
		measured bool
	}
	idle := make(chan int, len(clients))
	waiting := make([]chan sent, len(clients))
	seen := make([]counts, len(clients))
	var all sync.WaitGroup
	for index, client := range clients {
		waiting[index] = make(chan sent, 1)
		idle <- index
		all.Go(func() {
			mine := &seen[index]
			for request := range waiting[index] {
				status, err := client.read()
				now := time.Now()
				mine.total++
				switch {
				case err != nil:
					mine.fail(err.Error())
					continue // no more is sent on it
				case status != ok:
					mine.fail(status)
				case request.measured:
					mine.latencies = append(mine.latencies, now.Sub(request.at))
				}
				idle <- index
			}
		})
	}
	// Timers of the runtime are off by up to a millisecond: this thread sleeps by itself.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	next := order(requests, 0)
	interval := time.Duration(float64(time.Second) / asked.Rate)
	start := time.Now()
	measured := start.Add(seconds(asked.Warmup))
	end := measured.Add(seconds(asked.Seconds))
	sum := &counts{seconds: asked.Seconds}
	for at := start; at.Before(end); at = at.Add(interval) {
		if wait := time.Until(at); wait > 0 {
			pause := syscall.NsecToTimespec(wait.Nanoseconds())
			_ = syscall.Nanosleep(&pause, nil)
		}
		var index int
		select {
		case index = <-idle:
		case <-time.After(patience):
			return nil, fmt.Errorf("none of %d connections was answered for %s", len(clients), patience)
		}
		waiting[index] <- sent{at: at, measured: at.After(measured)}
		if _, err := clients[index].Write(next()); err != nil {
			sum.fail(err.Error())
		}
	}
	for _, each := range waiting {
		close(each)
	}
	all.Wait()
	for index := range seen {
		sum.add(&seen[index])
	}
	return sum, nil
}
