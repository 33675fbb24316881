// Load is the load generator of the benchmarks, and the backends behind the proxies that are measured. It does as little
// for each request as can be, so that the proxy is what there is to wait for. Nothing but the standard library is used.
//
// It is driven over standard input and output, a line of JSON each: first it says where its backends listen, then it
// answers each job with a result, until its input ends. Each job is bounded in connections and time.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// backends is how many backends are started; each answers alike.
const backends = 2

// job is what is asked for.
type job struct {
	// Kind is "targets", "closed", "open", "handshakes" or "reconnects".
	Kind string `json:"kind"`
	// Targets are what later jobs ask for, in turn.
	Targets []target `json:"targets"`
	// Addresses are host:port of the proxies.
	Addresses []string `json:"addresses"`
	// TLS is nil for plain text.
	TLS *tlsOptions `json:"tls"`
	// Connections are the connections, or the clients, that run at the same time.
	Connections int `json:"connections"`
	// Seconds is how long it is measured, after Warmup seconds.
	Seconds float64 `json:"seconds"`
	Warmup  float64 `json:"warmup"`
	// Rate is how many requests a second an open loop sends.
	Rate float64 `json:"rate"`
	// Reconnects is how often each client connects again.
	Reconnects int `json:"reconnects"`
}

type target struct {
	Host string `json:"host"`
	Path string `json:"path"`
}

type tlsOptions struct {
	ServerName string `json:"serverName"`
	// Version is "1.2" or "1.3".
	Version string `json:"version"`
}

// result is what came of a job. Times are in milliseconds.
type result struct {
	// Done is how many requests, or connections, were answered while it was measured.
	Done int `json:"done"`
	// Total counts those of the warm-up too.
	Total int `json:"total"`
	// Seconds is how long it was measured.
	Seconds float64 `json:"seconds"`
	// Resumed is how many of the connections resumed a session.
	Resumed int `json:"resumed"`
	// Failures are all answers but 200, and errors, by what they say.
	Failures map[string]int `json:"failures"`
	P50      float64        `json:"p50"`
	P99      float64        `json:"p99"`
	// CPU is what this process took itself, backends included, in seconds.
	CPU   float64 `json:"cpu"`
	Error string  `json:"error,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	out := json.NewEncoder(os.Stdout)
	ports := make([]int, backends)
	for index := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		ports[index] = listener.Addr().(*net.TCPAddr).Port
		go serve(listener)
	}
	if err := out.Encode(map[string]any{"backends": ports}); err != nil {
		return err
	}
	var requests [][]byte
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil // whoever drives it is gone
		}
		var asked job
		if err := json.Unmarshal(line, &asked); err != nil {
			return err
		}
		if asked.Kind == "targets" {
			requests = requestsOf(asked.Targets)
		}
		before := cpuTime()
		answer := perform(&asked, requests)
		answer.CPU = (cpuTime() - before).Seconds()
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func perform(asked *job, requests [][]byte) result {
	var counted *counts
	var err error
	switch asked.Kind {
	case "targets":
		return result{}
	case "closed":
		counted, err = closedLoop(asked, requests)
	case "open":
		counted, err = openLoop(asked, requests)
	case "handshakes":
		counted, err = handshakes(asked, requests)
	case "reconnects":
		counted, err = reconnects(asked, requests)
	default:
		err = fmt.Errorf("there is no job %q", asked.Kind)
	}
	if err != nil {
		return result{Error: err.Error()}
	}
	return counted.result()
}

func requestsOf(targets []target) [][]byte {
	requests := make([][]byte, len(targets))
	for index, each := range targets {
		requests[index] = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nhost: %s\r\nuser-agent: sluice-bench\r\naccept: */*\r\n\r\n", each.Path, each.Host)
	}
	return requests
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
