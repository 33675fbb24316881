package main

import (
	"slices"
	"time"
)

// counts is what one goroutine, or all of them, have seen.
type counts struct {
	total     int
	resumed   int
	latencies []time.Duration
	failures  map[string]int
	seconds   float64
}

func (c *counts) fail(what string) {
	if c.failures == nil {
		c.failures = map[string]int{}
	}
	c.failures[what]++
}

// add takes what another goroutine has seen, once that has ended.
func (c *counts) add(other *counts) {
	c.total += other.total
	c.resumed += other.resumed
	c.latencies = append(c.latencies, other.latencies...)
	for what, times := range other.failures {
		for range times {
			c.fail(what)
		}
	}
}

func (c *counts) result() result {
	slices.Sort(c.latencies)
	return result{
		Done:     len(c.latencies),
		Total:    c.total,
		Seconds:  c.seconds,
		Resumed:  c.resumed,
		Failures: c.failures,
		P50:      percentile(c.latencies, 0.5),
		P99:      percentile(c.latencies, 0.99),
	}
}

// percentile is by nearest rank, in milliseconds.
func percentile(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := min(len(sorted)-1, int(share*float64(len(sorted))))
	return float64(sorted[rank].Nanoseconds()) / 1e6
}
